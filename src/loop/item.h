/*
 * Items and timers in the storage of the program (eddy/binding.h).
 */
#ifndef EDDYI_ITEM_H
#define EDDYI_ITEM_H

#include "base/list.h"

/*
 * Takes the items and timers of the program off @list, whose loop is closed, and hands them back to
 * the program.
 */
void eddyi_items_drop(struct eddyi_list *list);

#endif
