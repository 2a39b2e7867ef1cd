{#
    Fails for every combination of the columns that occurs more than once: the grain of a model, tested.
    Named and used as in dbt_utils. Arguments: combination_of_columns (list of column names).
#}
{% test unique_combination_of_columns(model, combination_of_columns) %}
select
    {{ combination_of_columns | join(',\n    ') }}
from {{ model }}
group by {{ combination_of_columns | join(', ') }}
having count(*) > 1
{% endtest %}
