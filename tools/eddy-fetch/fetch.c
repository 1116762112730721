/*
 * As many workers as may run at once; each takes the next URL from the list until none is left.
 * Between suspensions only one of them runs, so taking needs no lock.
 */
#include "fetch.h"
#include "hosts.h"
#include "progress.h"
#include "report.h"
#include "stop.h"
#include "transfer.h"

#include <eddy/curl.h>
#include <eddy/error.h>
#include <eddy/group.h>

#include <errno.h>

struct crew {
    struct session session;
    struct hosts hosts;
    struct progress progress;
};

eddy_async(worker, (struct crew *, crew))
{
    const struct options *options = crew->session.options;
    CURL *easy = curl_easy_init();
    struct item *item;
    int status = 0;

    if (!easy)
        return eddy_raise(-ENOMEM, "starting a transfer");
    while (status != -ECANCELED && (item = hosts_take(&crew->hosts)) != NULL) {
        progress_begin(&crew->progress, item);
        status = fetch_item(&crew->session, easy, item);
        progress_end(&crew->progress, item);
        if (options->lines)
            report_line(item, options->output_dir);
        hosts_end(&crew->hosts, item);
    }
    curl_easy_cleanup(easy);
    /* the failure of one URL does not end the others */
    return status == -ECANCELED ? status : 0;
}

static int run_workers(struct crew *crew, size_t n)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    for (size_t i = 0; i < n; i++)
        eddy_group_create_task(&tg, worker(crew), .name = "worker");
    return eddy_group_exit(&tg, 0);
}

static int run(struct job *job, struct crew *crew)
{
    size_t n = job->options->parallel < job->items->n ? job->options->parallel : job->items->n;
    size_t refused = item_list_count(job->items, ITEM_FAILED);
    struct stop stop;
    int status;

    eddy_try(progress_init(&crew->progress, job->items->n, refused, n, job->options->quiet));
    status = stop_watch(&stop, &job->signal);
    if (status >= 0) {
        status = run_workers(crew, n);
        stop_unwatch(&stop);
    }
    job->seconds = eddy_loop_time(crew->progress.loop) - crew->progress.started;
    progress_fini(&crew->progress);
    return status;
}

eddy_async(fetch_all, (struct job *, job))
{
    struct crew crew = {
        .session = {.options = job->options, .output_dir = job->output_dir},
    };
    int status;

    if (hosts_init(&crew.hosts, job->items, job->options->per_host) < 0)
        return eddy_raise(-ENOMEM, "sorting the URLs by host");
    crew.session.curl = eddy_curl_open(NULL);
    status = crew.session.curl ? run(job, &crew) : eddy_reraise(eddy_error());
    if (crew.session.curl)
        eddy_curl_close(crew.session.curl);
    hosts_fini(&crew.hosts);
    return status;
}
