{#
    The stability rule (statistics.md 7) as a query: what each subject is taken for, evaluation by evaluation. It takes over a
    new candidate value when it is the subject's first, when it was held in as many evaluations in a row as stability asks,
    or when the subject purchased since the previous one; else it stays. Window SQL only, so the order of builds plays no part.
    Arguments: series, a relation with one row per subject and evaluation: the columns of `subject` (list), as_of, candidate (of
    any type), is_first, has_purchased, stability (evaluations), and for a row carried over from an earlier build
    carried_streak and carried_value, else null; fallback, SQL for what a subject is before its first confirmed value.
    Returns the columns of series and streak, previous_candidate, effective, previous_effective.
#}
{% macro held_values(series, subject, fallback='null') -%}
    {%- set of_subject = 'partition by ' ~ subject | join(', ') ~ ' order by as_of' %}
    select
        outcomes.*,
        coalesce(lag(candidate) over ({{ of_subject }}), {{ fallback }}) as previous_candidate,
        coalesce(lag(effective) over ({{ of_subject }}), {{ fallback }}) as previous_effective
    from (
        select
            confirmations.*,
            coalesce(
                max(confirmed) over (partition by {{ subject | join(', ') }}, confirmation_number), {{ fallback }}
            ) as effective
        from (
            select
                streaks.*,
                {{ confirmed_value() }} as confirmed,
                count({{ confirmed_value() }}) over ({{ of_subject }}) as confirmation_number
            from (
                select
                    runs.*,
                    row_number() over (partition by {{ subject | join(', ') }}, run_number order by as_of)
                    + coalesce(max(carried_streak) over (partition by {{ subject | join(', ') }}, run_number) - 1, 0) as streak
                from (
                    select
                        changes.*,
                        sum(is_new_run) over ({{ of_subject }}) as run_number
                    from (
                        select
                            series.*,
                            case
                                when is_first or lag(candidate) over ({{ of_subject }}) is distinct from candidate then 1
                                else 0
                            end as is_new_run
                        from {{ series }} as series
                    ) as changes
                ) as runs
            ) as streaks
        ) as confirmations
    ) as outcomes
{%- endmacro %}

{# The candidate where the rule takes it over at once, else null. Read inside held_values(). #}
{% macro confirmed_value() -%}
    case
        when carried_streak is not null then carried_value
        when is_first or streak >= stability or has_purchased then candidate
    end
{%- endmacro %}
