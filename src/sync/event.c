#include "base/unguarded.h"
#include "sync/wait_here.h"

void eddy_event_set(eddy_event *event)
{
    if (event->eddyi_set)
        return;
    event->eddyi_set = true;
    eddyi_wait_queue_wake_all(&event->eddyi_queue);
}

void eddy_event_clear(eddy_event *event)
{
    event->eddyi_set = false;
}

bool eddy_event_is_set(const eddy_event *event)
{
    return event->eddyi_set;
}

EDDYI_UNGUARDED int eddy_event_wait(eddy_event *event)
{
    return event->eddyi_set
               ? 0
               : eddyi_wait_queue_wait_here(&event->eddyi_queue, "an event to be set", NULL, NULL);
}
