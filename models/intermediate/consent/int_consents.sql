{{ versioned_rows(ref('int_consents_checked'), ref('int_consents_repeated'), **fact_columns('consents')) }}
