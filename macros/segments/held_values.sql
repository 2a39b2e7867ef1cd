{#
    The stability rule (statistics.md 7) as a query: what each subject is taken for, evaluation by evaluation. It takes over a
    new candidate value when it is the subject's first, when it was held in as many evaluations in a row as stability asks,
    or when the subject purchased since the previous one; else it stays. Window SQL only, so the order of builds plays no part.
    Arguments: series, a relation with one row per subject and evaluation: the columns of `subject` (list), as_of, candidate (of
    any type), is_first, has_purchased, stability (evaluations), and where an earlier build knew the evaluation before:
    carried_candidate, carried_streak and carried_value, else null; fallback, SQL for what a subject is before its first
    confirmed value. Returns the columns of series and streak, previous_candidate, effective, previous_effective.
#}
{% macro held_values(series, subject, fallback='null') -%}
    {%- set of_subject = 'partition by ' ~ subject | join(', ') %}
    {%- set in_order = of_subject ~ ' order by as_of' %}
    select
        outcomes.*,
        coalesce(lag(effective) over ({{ in_order }}), carried_value, {{ fallback }}) as previous_effective
    from (
        select
            confirmations.*,
            coalesce(
                max(confirmed) over ({{ of_subject }}, confirmation_number),
                max(carried_value) over ({{ of_subject }}),
                {{ fallback }}
            ) as effective
        from (
            select
                streaks.*,
                {{ confirmed_value() }} as confirmed,
                count({{ confirmed_value() }}) over ({{ in_order }}) as confirmation_number
            from (
                select
                    runs.*,
                    row_number() over ({{ of_subject }}, run_number order by as_of)
                    -- run 0 is the one that was going on already
                    + case when run_number = 0 then coalesce(max(carried_streak) over ({{ of_subject }}), 0) else 0 end as streak
                from (
                    select
                        changes.*,
                        sum(case when is_first or previous_candidate is distinct from candidate then 1 else 0 end)
                            over ({{ in_order }}) as run_number
                    from (
                        select
                            series.*,
                            coalesce(lag(candidate) over ({{ in_order }}), carried_candidate, {{ fallback }}) as previous_candidate
                        from {{ series }} as series
                    ) as changes
                ) as runs
            ) as streaks
        ) as confirmations
    ) as outcomes
{%- endmacro %}

{# The candidate where the rule takes it over at once, else null. Read inside held_values(). #}
{% macro confirmed_value() -%}
    case when is_first or streak >= stability or has_purchased then candidate end
{%- endmacro %}
