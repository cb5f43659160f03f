#pragma once
// The verbs that the linker gathered: each verb's file puts one function into the section `olv_verbs`.

/// Calls every registered function with `list`, in link order.
void olv_each_verb(void *list);
