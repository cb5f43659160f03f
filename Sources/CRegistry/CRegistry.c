#include "CRegistry.h"

typedef void (*olv_verb_entry)(void *);

// Defined by the linker where the section exists.
extern const olv_verb_entry __start_olv_verbs[] __attribute__((weak, visibility("hidden")));
extern const olv_verb_entry __stop_olv_verbs[] __attribute__((weak, visibility("hidden")));

void olv_each_verb(void *list) {
  for (const olv_verb_entry *entry = __start_olv_verbs; entry < __stop_olv_verbs; entry++)
    if (*entry) (*entry)(list);
}
