{{ versioned_rows(ref('int_exchange_rates_checked'), ref('int_exchange_rates_repeated'), **fact_columns('exchange_rates')) }}
