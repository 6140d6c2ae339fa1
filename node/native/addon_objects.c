/* What an environment has made and gives back when it ends: its runtimes, so that whatever was
 * registered on them is given back, and its sinks, so that what they have queued gets into the
 * file. No JavaScript runs by then, and nothing that JavaScript holds is ever collected. */
#include "addon.h"

#include <stdlib.h>

struct addon_object {
    addon_object *next;
    void *address;
    addon_kind kind;
};

void addon_keep(addon *self, addon_kind kind, void *address) {
    addon_object *const made = malloc(sizeof *made);
    if (made == NULL) return; /* Then it goes with the process. */
    made->next = self->objects;
    made->address = address;
    made->kind = kind;
    self->objects = made;
}

void addon_forget(addon *self, const void *address) {
    addon_object **link = &self->objects;
    while (*link != NULL && (*link)->address != address) link = &(*link)->next;
    addon_object *const found = *link;
    if (found == NULL) return;
    *link = found->next;
    free(found);
}

/* Removes the registration at a place of the list; false beyond the last one. */
static bool deregister(scopeflow_runtime *runtime, scopeflow_registration_list *list,
                       uint32_t index) {
    scopeflow_registration_info info;
    uint32_t is_removed = 0;
    if (scopeflow_registration_list_read(list, index, &info, NULL) != SCOPEFLOW_STATUS_OK ||
        info.name.len == 0)
        return false;
    return scopeflow_native_deregister(runtime, info.registry, info.name, &is_removed, NULL) ==
           SCOPEFLOW_STATUS_OK;
}

/* Scopes that JavaScript still holds keep the runtime's memory, and what is registered on them. */
static void end_runtime(scopeflow_runtime *runtime) {
    scopeflow_registration_list_new_options options = SCOPEFLOW_REGISTRATION_LIST_NEW_OPTIONS_INIT;
    scopeflow_registration_list *list = NULL;
    options.runtime = runtime;
    if (scopeflow_registration_list_new(&options, &list, NULL) == SCOPEFLOW_STATUS_OK) {
        uint32_t index = 0;
        while (deregister(runtime, list, index)) index++;
        scopeflow_registration_list_free(list);
    }
    scopeflow_runtime_free(runtime);
}

static void end_all(addon *self, addon_kind kind) {
    for (addon_object *object = self->objects; object != NULL; object = object->next) {
        if (object->kind != kind) continue;
        if (kind == ADDON_KIND_RUNTIME)
            end_runtime(object->address);
        else
            scopeflow_atof_sink_free(object->address);
    }
}

void addon_end_objects(addon *self) {
    end_all(self, ADDON_KIND_RUNTIME);
    end_all(self, ADDON_KIND_ATOF_SINK);
    while (self->objects != NULL) addon_forget(self, self->objects->address);
}
