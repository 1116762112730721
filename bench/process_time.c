#include "process_time.h"

#include <dirent.h>
#include <stdio.h>

static void add_thread(struct process_time *sum, pid_t pid, const char *tid)
{
    unsigned long long ran, waited;
    char path[300];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, tid);
    f = fopen(path, "r");
    if (!f)
        return;
    if (fscanf(f, "%llu %llu", &ran, &waited) == 2) {
        sum->ran += (double)ran;
        sum->waited += (double)waited;
    }
    fclose(f);
}

/* Adds the threads of one process, and then its children, as those of each thread are listed. */
static void add_process(struct process_time *sum, pid_t pid);

static void add_children(struct process_time *sum, pid_t pid, const char *tid)
{
    char path[300];
    int child;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, tid);
    f = fopen(path, "r");
    while (f && fscanf(f, "%d", &child) == 1)
        add_process(sum, child);
    if (f)
        fclose(f);
}

static void add_process(struct process_time *sum, pid_t pid)
{
    struct dirent *entry;
    char path[50];
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    d = opendir(path);
    while (d && (entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        add_thread(sum, pid, entry->d_name);
        add_children(sum, pid, entry->d_name);
    }
    if (d)
        closedir(d);
}

struct process_time process_time(pid_t pid)
{
    struct process_time sum = {0};

    if (pid != 0)
        add_process(&sum, pid);
    return sum;
}

double process_memory(pid_t pid)
{
    char path[50], line[256];
    double kib = 0, value;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %lf", &value) == 1 || sscanf(line, "VmPTE: %lf", &value) == 1)
            kib += value;
    if (f)
        fclose(f);
    return kib * 1024;
}
