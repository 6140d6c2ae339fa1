scopeflow_status scopeflow_scope_depth(scopeflow_scope *self, uint32_t *out_depth,
                                       scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_scope_depth(self, out_depth, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    *out_depth = 0;
    for (const scopeflow_scope *above = self->parent; above != NULL; above = above->parent)
        (*out_depth)++;
    return SCOPEFLOW_STATUS_OK;
}
