/*
 * hand-bench WORKLOAD
 */
#include "hand.h"

static const struct peer_workload workloads[] = {{"pipe", hand_pipe},
                                                 {"pipe_64k", hand_pipe},
                                                 {"names", hand_names},
                                                 {"direct", hand_direct},
                                                 {"spawn_10m", hand_spawn},
                                                 {"spawn_4g", hand_spawn},
                                                 {"process_rt", hand_process_rt},
                                                 {"process_flood", hand_process_flood},
                                                 {NULL, NULL}};

int main(int argc, char **argv)
{
    return peer_main(workloads, argc, argv);
}
