/*
 * Random reads by io_uring: a finished read is at once followed by the next.
 */
#include "hand.h"

#include <liburing.h>

static struct io_uring ring;
static char *blocks;
static uint64_t numbers[DIRECT_DEPTH]; /* of the block that is read into each buffer */

static void start(int fd, uint64_t i, uint64_t number)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    numbers[i] = number;
    io_uring_prep_read(sqe, fd, blocks + i * DIRECT_BLOCK, DIRECT_BLOCK, number * DIRECT_BLOCK);
    sqe->user_data = i;
}

void hand_direct(const char *workload)
{
    uint64_t n_blocks = 0, random = BENCH_SEED, began, cpu;
    int fd = check(open_direct(&n_blocks), "open");
    long begun = DIRECT_DEPTH, done = 0;
    char cpu_name[64];

    check(io_uring_queue_init(2 * DIRECT_DEPTH, &ring, IORING_SETUP_SINGLE_ISSUER), "io_uring");
    blocks = aligned_alloc(DIRECT_BLOCK, (size_t)DIRECT_DEPTH * DIRECT_BLOCK);
    began = bench_now();
    cpu = cpu_now();
    for (uint64_t i = 0; i < DIRECT_DEPTH; i++)
        start(fd, i, bench_random(&random) % n_blocks);
    while (done < N_DIRECT_READS) {
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0;

        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            uint64_t i = cqe->user_data;

            if (cqe->res != DIRECT_BLOCK || !is_block(blocks + i * DIRECT_BLOCK, numbers[i])) {
                fprintf(stderr, "another block\n");
                exit(1);
            }
            seen++;
            done++;
            if (begun++ < N_DIRECT_READS)
                start(fd, i, bench_random(&random) % n_blocks);
        }
        io_uring_cq_advance(&ring, seen);
    }
    snprintf(cpu_name, sizeof cpu_name, "%s_cpu", workload);
    peer_print(PEER, workload, (double)(bench_now() - began) / N_DIRECT_READS / 1e3, "us");
    peer_print(PEER, cpu_name, (double)(cpu_now() - cpu) / N_DIRECT_READS, "ns");
}
