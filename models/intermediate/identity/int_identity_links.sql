{{ versioned_rows(ref('int_identity_links_checked'), ref('int_identity_links_repeated'), **fact_columns('identity_links')) }}
