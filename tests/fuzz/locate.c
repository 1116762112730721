/*
 * The search for eddy in a process whose ELF images, notes and symbols are made up. The input is
 * both the memory of the one image and the file that it is said to come from.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include "locate.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 1 << 16, BASE = 0x100000 };

static struct fuzz_input image;
static struct memory memory;
static struct block blocks[MAX_BLOCKS];

/* Behind the image there are zeros. */
static int read_image(struct memory *m, uint64_t address, void *buf, size_t size)
{
    size_t at, n;

    if (address < BASE || address - BASE >= SIZE || size > SIZE)
        return -EFAULT;
    at = address - BASE;
    n = at >= image.n ? 0 : image.n - at < size ? image.n - at : size;
    memset(buf, 0, size);
    if (n > 0)
        memcpy(buf, image.data + at, n);
    return 0;
}

static void write_file(int fd)
{
    FUZZ_CHECK(ftruncate(fd, 0) == 0);
    FUZZ_CHECK(pwrite(fd, image.data, image.n, 0) == (ssize_t)image.n);
}

/* Lines of /proc/PID/maps: one of the image, and others of the input, whose paths name nothing. */
static FILE *make_maps(struct fuzz_input *in, int fd, char **ret_text)
{
    char *more = fuzz_string(in, 200, NULL);
    FILE *f;

    for (char *slash = more; (slash = strchr(slash, '/')) != NULL;)
        *slash = '|';
    if (asprintf(ret_text, "%x-%x r--p 00000000 08:01 123 /proc/self/fd/%d\n%s\n", BASE,
                 BASE + SIZE, fd, more) < 0)
        abort();
    free(more);
    f = fmemopen(*ret_text, strlen(*ret_text), "r");
    FUZZ_CHECK(f != NULL);
    return f;
}

static void check_blocks(int n, const char *reason)
{
    FUZZ_CHECK(n >= 0 && n <= MAX_BLOCKS && (n > 0) == (*reason == '\0'));
    for (const char *c = reason; *c; c++)
        FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
    for (int i = 0; i < n; i++) {
        FUZZ_CHECK(memchr(blocks[i].content.library, '\0', sizeof blocks[i].content.library));
        FUZZ_CHECK(blocks[i].content.version == EDDYI_INTROSPECTION_VERSION);
        (void)block_field(&blocks[i], "loop.next");
        for (int k = 0; k < i; k++)
            FUZZ_CHECK(blocks[k].address != blocks[i].address);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int fd = -1;
    struct fuzz_input in = {data, n};
    char reason[300] = "", *text;
    FILE *maps;

    if (fd < 0)
        fd = memfd_create("image", 0);
    memory_init(&memory, getpid());
    memory.read = read_image;
    maps = make_maps(&in, fd, &text);
    image = in;
    write_file(fd);
    check_blocks(locate_blocks_in(&memory, maps, blocks, reason, sizeof reason), reason);
    fclose(maps);
    free(text);
    return 0;
}
