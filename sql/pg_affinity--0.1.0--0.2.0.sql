\echo Use "ALTER EXTENSION pg_affinity UPDATE TO '0.2.0'" to load this file. \quit

-- What 0.2.0 changes of the SQL face of 0.1.0. CREATE EXTENSION runs that one's script and then this one, so that a new database and one that was
-- updated have the same catalogue; tests/upgrade.rs holds them against each other. A change adds: what has gone into a dump (tables, columns)
-- stays, and a function that views may call is replaced under its own oid.

-- ## Lists for a range of users

-- Views that call it as it was go on under its oid.
ALTER FUNCTION affinity.recommend_all(text, bigint, boolean, anyelement) SET SCHEMA affinity_internal;
CREATE FUNCTION affinity.recommend_all(model text, k bigint DEFAULT 10, exclude_seen boolean DEFAULT NULL,
    as_type anyelement DEFAULT NULL::affinity.user_recommendation, from_user anycompatible DEFAULT NULL, to_user anycompatible DEFAULT NULL)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'recommend_all_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000000 ROWS 100000;
COMMENT ON FUNCTION affinity.recommend_all(text, bigint, boolean, anyelement, anycompatible, anycompatible) IS 'The best k items for every user that has events: what recommend gives each, from one reading of the events, on all threads of affinity.threads. from_user, to_user: for the users from the first id on and before the second, in the order of the ids; NULL: no bound.';

-- ## Trainings over two transactions

CREATE PROCEDURE affinity.refresh(model text, deploy text DEFAULT NULL, warm_start boolean DEFAULT false)
AS 'MODULE_PATHNAME', 'refresh_wrapper' LANGUAGE c;
COMMENT ON PROCEDURE affinity.refresh(text, text, boolean) IS 'Repeats the latest training of a model as retrain does, and holds neither snapshot nor lock while it learns: it reads in a transaction of its own and stores in another. deploy: when the new version is deployed (if_better, unless_worse, always, never); NULL: as the training said. warm_start: from the weights of the deployed version and what it had chosen on held-out events. Not inside of a transaction block.';
CREATE PROCEDURE affinity.refresh_all(pattern text DEFAULT '%', deploy text DEFAULT NULL, warm_start boolean DEFAULT false)
AS 'MODULE_PATHNAME', 'refresh_all_wrapper' LANGUAGE c;
COMMENT ON PROCEDURE affinity.refresh_all(text, text, boolean) IS 'Refreshes your models whose names are like pattern, by name. One that fails is told of in a WARNING and the others go on; at the end that is an error.';

-- ## Runs

-- A row a training, failed ones too where a procedure or a worker ran them. A log of this server: not of the dump, and no part of any model. Roles stand
-- here as in the store.
CREATE TABLE affinity.stored_runs (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    model text NOT NULL,
    -- The model's owner, who may see it.
    owner text NOT NULL,
    owner_oid oid NOT NULL DEFAULT 0,
    -- Who called.
    caller text NOT NULL,
    function text NOT NULL,
    -- When it is to be deployed; NULL: as its training said.
    deploy text,
    -- Whether it begins from the deployed version.
    warm_start boolean,
    started timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended timestamp with time zone,
    -- The session's process, and when that began.
    pid integer,
    process_started timestamp with time zone,
    kind text,
    rows bigint,
    seconds double precision,
    peak_memory_mb bigint,
    phases jsonb,
    version integer,
    deployed boolean,
    why text,
    evaluated_by text,
    evaluated double precision,
    evaluated_before double precision,
    sqlstate text,
    message text,
    hint text
);
CREATE INDEX stored_runs_started ON affinity.stored_runs (started);
CREATE TRIGGER guard_owner BEFORE INSERT OR UPDATE ON affinity.stored_runs FOR EACH ROW EXECUTE FUNCTION affinity_internal.guard_owner();
ALTER TABLE affinity.stored_runs ENABLE ALWAYS TRIGGER guard_owner;

CREATE VIEW affinity.runs WITH (security_barrier) AS
SELECT r.id AS run, r.model,
    CASE WHEN r.sqlstate IS NOT NULL THEN 'failed' WHEN r.ended IS NOT NULL THEN 'done'
        -- Of the sessions of the primary a standby knows nothing.
        WHEN pg_catalog.pg_is_in_recovery() THEN NULL
        WHEN r.pid IS NULL AND r.started OPERATOR(pg_catalog.>) pg_catalog.pg_postmaster_start_time()
            AND r.started OPERATOR(pg_catalog.>) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) interval '1 minute') THEN 'waiting'
        -- Of another role's session one sees that it is there, not when it began.
        WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_activity s WHERE s.pid OPERATOR(pg_catalog.=) r.pid
            AND (s.backend_start IS NULL OR s.backend_start OPERATOR(pg_catalog.=) r.process_started)) THEN 'running'
        ELSE 'lost' END AS state,
    r.version, r.deploy, r.warm_start, r.deployed, r.why, r.evaluated_by, r.evaluated, r.evaluated_before, r.function, r.kind, r.rows, r.started, r.ended, r.seconds,
    r.peak_memory_mb, r.phases, r.caller, r.owner, r.pid, r.sqlstate, r.message, r.hint
FROM affinity.stored_runs r
WHERE affinity_internal.owns(r.owner_oid);
COMMENT ON VIEW affinity.runs IS 'A row a training of the models of roles whose rights the current role has, kept affinity.keep_runs days: what it came to, how long each part took, the figure on held-out rows beside that of the version that was deployed, why it was or was not deployed, the error of one that failed (of those that refresh runs; others leave nothing). State lost: its session ended before it did, or its worker could not begin, of which the server''s log tells.';

-- ## Counters of use

CREATE FUNCTION affinity_internal.session_counts() RETURNS TABLE (model_id uuid, calls bigint, rows bigint, unknown_users bigint, fallbacks bigint,
    cold_loads bigint, cold_load_ms double precision)
AS 'MODULE_PATHNAME', 'session_counts_wrapper' LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION affinity_internal.session_counts() IS 'What affinity.session_stats shows, by the keys of models.';
CREATE FUNCTION affinity.reset_session_stats() RETURNS void
AS 'MODULE_PATHNAME', 'reset_session_stats_wrapper' LANGUAGE c VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION affinity.reset_session_stats() IS 'Begins to count anew what this session asks of its models.';

CREATE VIEW affinity.session_stats WITH (security_barrier) AS
SELECT m.name AS model, c.calls, c.rows, c.unknown_users, c.fallbacks, c.cold_loads, c.cold_load_ms
FROM affinity_internal.session_counts() c
JOIN affinity.stored_models m ON m.id OPERATOR(pg_catalog.=) c.model_id
WHERE affinity_internal.may_use(m.owner_oid, m.readers, m.reader_oids);
COMMENT ON VIEW affinity.session_stats IS 'What this session has asked of the models that the current role owns or may use, counted in its memory alone: calls, rows that were scored and items that were listed, users without events, lists and scores of popularity in the place of the model, how often weights were read and how long that took.';

-- As in 0.1.0: what ALTER DEFAULT PRIVILEGES gives to others is taken back first.
DO $rights$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT c.relname, a.grantee FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
        WHERE c.oid OPERATOR(pg_catalog.=) ANY ('{affinity.stored_runs,affinity.runs,affinity.session_stats}'::regclass[]) AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON affinity.%I FROM %s', given.relname,
            CASE WHEN given.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(given.grantee)) END);
    END LOOP;
END
$rights$;
GRANT SELECT ON affinity.runs, affinity.session_stats TO PUBLIC;

-- ## Schedules

-- With the caller's rights, over pg_cron's own schema, of which it is asked first that it is pg_cron's: whoever can make a schema called cron could else have his
-- code run by who schedules.
CREATE FUNCTION affinity_internal.cron_is_here() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $cron$
SELECT EXISTS (SELECT FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
    WHERE e.extname = 'pg_cron' AND n.nspname = 'cron')
$cron$;
COMMENT ON FUNCTION affinity_internal.cron_is_here() IS 'Whether pg_cron is in this database, and the schema cron its own.';

CREATE FUNCTION affinity.schedule(model text, cron text, deploy text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $schedule$
#variable_conflict use_variable
DECLARE
    called text := 'affinity refresh ' || model;
    call text := format('CALL affinity.refresh(%L%s)', model, ', deploy => ' || quote_literal(deploy));
    -- The setting is shown to those alone.
    home text := CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('cron.database_name', true) END;
    job bigint;
BEGIN
    IF model IS NULL OR cron IS NULL THEN
        RAISE EXCEPTION 'argument "%" must not be NULL', CASE WHEN model IS NULL THEN 'model' ELSE 'cron' END USING ERRCODE = '22023';
    ELSIF deploy NOT IN ('if_better', 'unless_worse', 'always', 'never') THEN
        RAISE EXCEPTION 'deploy => % is not known', quote_literal(left(deploy, 63)) USING ERRCODE = '22023', HINT = 'Use ''if_better'', ''unless_worse'', ''always'' or ''never''.';
    ELSIF NOT EXISTS (SELECT FROM affinity.models m JOIN pg_roles r ON r.rolname = m.owner WHERE m.model = schedule.model AND pg_has_role(r.oid, 'USAGE')) THEN
        RAISE EXCEPTION 'no model of yours is called "%"', left(model, 63) USING ERRCODE = '42704', HINT = 'SELECT model FROM affinity.models;';
    ELSIF NOT affinity_internal.cron_is_here() THEN
        RAISE EXCEPTION 'pg_cron is not in this database' USING ERRCODE = '55000',
            DETAIL = coalesce('It is in database ' || quote_ident(home) || '.', 'Where the server preloads it, the setting cron.database_name names its database.'),
            HINT = CASE WHEN home = current_database() THEN 'CREATE EXTENSION pg_cron;'
                ELSE format('There: SELECT cron.schedule_in_database(%L, %L, %L, %L); or by any scheduler: psql -c %s', called, cron, call, current_database(), quote_ident(call)) END;
    END IF;
    EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job USING called, cron, call;
    RETURN job;
END
$schedule$;
COMMENT ON FUNCTION affinity.schedule(text, text, text) IS 'Has pg_cron refresh a model at the times that cron says (minute hour day month weekday), in place of its schedule of before; returns the job. deploy: as affinity.refresh takes it.';

CREATE FUNCTION affinity.unschedule(model text) RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $unschedule$
#variable_conflict use_variable
DECLARE
    there boolean := false;
BEGIN
    IF affinity_internal.cron_is_here() THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM cron.job WHERE jobname = $1 AND username = current_user)' INTO there USING 'affinity refresh ' || model;
        IF there THEN
            EXECUTE 'SELECT cron.unschedule($1)' USING 'affinity refresh ' || model;
        END IF;
    END IF;
    RETURN there;
END
$unschedule$;
COMMENT ON FUNCTION affinity.unschedule(text) IS 'Takes the schedule of a model away, also of one that is dropped; whether there was one of the current role.';

CREATE FUNCTION affinity.schedules() RETURNS TABLE (model text, cron text, job bigint, role text, database text, active boolean, model_exists boolean)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $schedules$
BEGIN
    IF affinity_internal.cron_is_here() THEN
        RETURN QUERY EXECUTE $jobs$
            SELECT substr(j.jobname::text, 18), j.schedule::text, j.jobid, j.username::text, j.database::text, j.active,
                j.database = current_database() AND EXISTS (SELECT FROM affinity.models m WHERE m.model = substr(j.jobname::text, 18))
            FROM cron.job j WHERE starts_with(j.jobname::text, 'affinity refresh ') ORDER BY 1$jobs$;
    END IF;
END
$schedules$;
COMMENT ON FUNCTION affinity.schedules() IS 'The schedules of the current role (of all, for a superuser): the model, when, pg_cron''s job, as whom and in which database it runs, whether it is active, whether the model is still there. No rows where pg_cron is not in this database.';

-- ## In the background

CREATE FUNCTION affinity.refresh_in_background(model text, deploy text DEFAULT NULL, warm_start boolean DEFAULT false) RETURNS uuid
AS 'MODULE_PATHNAME', 'refresh_in_background_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.refresh_in_background(text, text, boolean) IS 'Has a background worker refresh a model once this transaction commits, as this session''s role and with its affinity.memory and affinity.threads; returns the run, whose state and error are in affinity.runs.';
CREATE FUNCTION affinity.cancel(run uuid) RETURNS boolean
AS 'MODULE_PATHNAME', 'cancel_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.cancel(uuid) IS 'Stops a run of affinity.runs that waits or is running, of a model of a role whose rights you have; false where it has ended.';

-- ## Drift

CREATE FUNCTION affinity.drift(model text, source regclass DEFAULT NULL, since timestamptz DEFAULT NULL, version integer DEFAULT NULL)
RETURNS TABLE (part text, name text, measure text, trained double precision, now double precision, moved double precision, verdict text, why text)
AS 'MODULE_PATHNAME', 'drift_wrapper' LANGUAGE c STABLE COST 10000 ROWS 50;
COMMENT ON FUNCTION affinity.drift(text, regclass, timestamptz, integer) IS
'Whether the rows or events of a relation are still those that a version learned from, a row a fact: how the values of each column are spread (psi), how many are missing, how many never came in training (unseen), and the figure on held-out rows beside that of these. verdict: stable, moving, moved, of a figure worse; NULL where it cannot be told, and why says why. source: a relation, read as the caller; NULL: that of the training, for the model''s owner. since: of its rows those from then on. version: NULL: the deployed one.';

CREATE FUNCTION affinity_internal.psi_step(internal, double precision, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_step(internal, double precision, boolean) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_step(internal, double precision, boolean, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_step(internal, double precision, boolean, double precision) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_combine(internal, internal) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'psi_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_serialise(internal) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_deserialise(bytea, internal) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'psi_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_final(internal) IS 'Part of the aggregate affinity.psi.';
CREATE AGGREGATE affinity.psi(value double precision, is_now boolean) (
    SFUNC = affinity_internal.psi_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.psi_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.psi_combine, SERIALFUNC = affinity_internal.psi_serialise, DESERIALFUNC = affinity_internal.psi_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.psi(double precision, boolean) IS 'How far numbers have moved: the population stability index of the rows that are now against the others, in tenths of these. By custom below 0.1 is stable, above 0.25 has moved. A row without a value does not count.';
CREATE AGGREGATE affinity.psi(value double precision, is_now boolean, weight double precision) (
    SFUNC = affinity_internal.psi_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.psi_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.psi_combine, SERIALFUNC = affinity_internal.psi_serialise, DESERIALFUNC = affinity_internal.psi_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.psi(double precision, boolean, double precision) IS 'How far numbers have moved: the population stability index of the rows that are now against the others, in tenths of these. By custom below 0.1 is stable, above 0.25 has moved. A row without a value does not count. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.psi_step_category(internal, text, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_step_category_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_step_category(internal, text, boolean) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_step_category(internal, text, boolean, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_step_category_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_step_category(internal, text, boolean, double precision) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_category_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_category_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_category_combine(internal, internal) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_category_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'psi_category_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_category_serialise(internal) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_category_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'psi_category_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_category_deserialise(bytea, internal) IS 'Part of the aggregate affinity.psi.';
CREATE FUNCTION affinity_internal.psi_category_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'psi_category_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.psi_category_final(internal) IS 'Part of the aggregate affinity.psi.';
CREATE AGGREGATE affinity.psi(value text, is_now boolean) (
    SFUNC = affinity_internal.psi_step_category, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.psi_category_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.psi_category_combine, SERIALFUNC = affinity_internal.psi_category_serialise, DESERIALFUNC = affinity_internal.psi_category_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.psi(text, boolean) IS 'How far categories have moved: the population stability index of the rows that are now against the others, each category a bin, those below one percent one together. A row without a value does not count: coalesce(value, ...) makes it a category.';
CREATE AGGREGATE affinity.psi(value text, is_now boolean, weight double precision) (
    SFUNC = affinity_internal.psi_step_category, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.psi_category_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.psi_category_combine, SERIALFUNC = affinity_internal.psi_category_serialise, DESERIALFUNC = affinity_internal.psi_category_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.psi(text, boolean, double precision) IS 'How far categories have moved: the population stability index of the rows that are now against the others, each category a bin, those below one percent one together. A row without a value does not count: coalesce(value, ...) makes it a category. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

-- ## Lists for the pages of a shop

CREATE TYPE affinity.together AS (rank integer, item_id bigint, together bigint, lift double precision, lift_low double precision, version integer);
COMMENT ON TYPE affinity.together IS 'What is in one basket with an item, for item ids that are integers.';
CREATE TYPE affinity.together_text AS (rank integer, item_id text, together bigint, lift double precision, lift_low double precision, version integer);
COMMENT ON TYPE affinity.together_text IS 'What is in one basket with an item, for item ids of any type, as text.';
CREATE TYPE affinity.together_uuid AS (rank integer, item_id uuid, together bigint, lift double precision, lift_low double precision, version integer);
COMMENT ON TYPE affinity.together_uuid IS 'What is in one basket with an item, for item ids that are uuid.';

CREATE FUNCTION affinity.bought_together(model text, item_id anycompatible, k bigint DEFAULT 10, as_type anyelement DEFAULT NULL::affinity.together)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'bought_together_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION affinity.bought_together(text, anycompatible, bigint, anyelement) IS
'The k items that are in one basket with an item more often than by chance, by a model of kind baskets, the surest first: how many baskets hold both, how many times as many as by chance that is (lift), and the lower end of it, by which they stand; above 1 all of them. None for an item that the model does not know.';

CREATE TYPE affinity.due AS (rank integer, item_id bigint, due timestamptz, last_time timestamptz, times bigint, score real, version integer);
COMMENT ON TYPE affinity.due IS 'What a user had and when it is due again, for item ids that are integers.';
CREATE TYPE affinity.due_text AS (rank integer, item_id text, due timestamptz, last_time timestamptz, times bigint, score real, version integer);
COMMENT ON TYPE affinity.due_text IS 'What a user had and when it is due again, for item ids of any type, as text.';
CREATE TYPE affinity.due_uuid AS (rank integer, item_id uuid, due timestamptz, last_time timestamptz, times bigint, score real, version integer);
COMMENT ON TYPE affinity.due_uuid IS 'What a user had and when it is due again, for item ids that are uuid.';

CREATE FUNCTION affinity.buy_again(model text, user_id "any", k bigint DEFAULT 10, as_type anyelement DEFAULT NULL::affinity.due)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'buy_again_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 100000 ROWS 10;
COMMENT ON FUNCTION affinity.buy_again(text, "any", bigint, anyelement) IS
'The best k of the items that a user had, from the user''s own events as of this statement, by a model of kind repeat or another whose lists hold what a user had: what is due by now first, then the rest, each by the model''s score; when it was had last, how many times, and when it is due: the mean time between two times after the last, NULL after a single one. No rows for a user without events.';
CREATE FUNCTION affinity.buy_again(model text, user_id text, k bigint DEFAULT 10, as_type anyelement DEFAULT NULL::affinity.due)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'buy_again_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 100000 ROWS 10;
COMMENT ON FUNCTION affinity.buy_again(text, text, bigint, anyelement) IS
'What a user whose id is given as text buys again; one that does not fit the type is an unknown user.';

CREATE TYPE affinity.reason AS (rank integer, item_id bigint, because_of bigint, score real, version integer);
COMMENT ON TYPE affinity.reason IS 'An entry of a list that follows from an item which the user had, for item ids that are integers.';
CREATE TYPE affinity.reason_text AS (rank integer, item_id text, because_of text, score real, version integer);
COMMENT ON TYPE affinity.reason_text IS 'An entry of a list that follows from an item which the user had, for item ids of any type, as text.';
CREATE TYPE affinity.reason_uuid AS (rank integer, item_id uuid, because_of uuid, score real, version integer);
COMMENT ON TYPE affinity.reason_uuid IS 'An entry of a list that follows from an item which the user had, for item ids that are uuid.';

CREATE FUNCTION affinity.because(model text, user_id "any", k bigint DEFAULT 10, as_type anyelement DEFAULT NULL::affinity.reason)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'because_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10;
COMMENT ON FUNCTION affinity.because(text, "any", bigint, anyelement) IS
'"Because you bought X": of the latest items that a user had the one that leads to most of the user''s list (because_of), and the best k items that follow from it, without what the user had. No rows for a user of whom nothing is known.';
CREATE FUNCTION affinity.because(model text, user_id text, k bigint DEFAULT 10, as_type anyelement DEFAULT NULL::affinity.reason)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'because_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10;
COMMENT ON FUNCTION affinity.because(text, text, bigint, anyelement) IS
'Because of what a user whose id is given as text is shown what; one that does not fit the type is an unknown user.';

-- ## Users for an item

CREATE TYPE affinity.prospect AS (rank integer, user_id bigint, score real, version integer);
COMMENT ON TYPE affinity.prospect IS 'A user of an audience, for user ids that are integers.';
CREATE TYPE affinity.prospect_text AS (rank integer, user_id text, score real, version integer);
COMMENT ON TYPE affinity.prospect_text IS 'A user of an audience, for user ids of any type, as text.';
CREATE TYPE affinity.prospect_uuid AS (rank integer, user_id uuid, score real, version integer);
COMMENT ON TYPE affinity.prospect_uuid IS 'A user of an audience, for user ids that are uuid.';

CREATE FUNCTION affinity.audience(model text, item_id anycompatible, k bigint DEFAULT 100, exclude_seen boolean DEFAULT true,
    as_type anyelement DEFAULT NULL::affinity.prospect)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'audience_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000000 ROWS 100;
COMMENT ON FUNCTION affinity.audience(text, anycompatible, bigint, boolean, anyelement) IS
'The k users who will most likely want an item, by the score that recommend would show: from one reading of all users'' events, on all threads of affinity.threads. exclude_seen: without those who had it. None for an item that the model does not know.';
CREATE FUNCTION affinity.audience_for(model text, items anycompatiblearray, k bigint DEFAULT 100, exclude_seen boolean DEFAULT true,
    as_type anyelement DEFAULT NULL::affinity.prospect)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'audience_for_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000000 ROWS 100;
COMMENT ON FUNCTION affinity.audience_for(text, anycompatiblearray, bigint, boolean, anyelement) IS
'The k users who will most likely want one of several items, those of a brand or a category, by the mean of the items'' scores. exclude_seen: of the items that a user had none counts.';

-- ## Lists that no model makes

CREATE FUNCTION affinity.trending(events regclass, item_col name, time_col name, user_col name DEFAULT NULL, k bigint DEFAULT 20,
    recent interval DEFAULT NULL, as_of timestamptz DEFAULT NULL, at_least bigint DEFAULT 5)
RETURNS TABLE (rank integer, item_id text, recent_count bigint, expected double precision, growth double precision, growth_low double precision)
AS 'MODULE_PATHNAME', 'trending_wrapper' LANGUAGE c STABLE COST 10000 ROWS 20;
COMMENT ON FUNCTION affinity.trending(regclass, name, name, name, bigint, interval, timestamptz, bigint) IS
'Which items grow against their own past, from events alone: how many users (without user_col events) each has in the recent window, how many its own past would give by the traffic of now, how many times as many that is, and the lower end of it, by which they stand; above 1 all of them. item_col: the item, or its category. recent: NULL: 14 days, or a sixth of the time there is. as_of: the end of the window, NULL: the latest event. at_least: users that an item must have had recently.';

CREATE FUNCTION affinity.new_items(events regclass, item_col name, time_col name, user_col name DEFAULT NULL, k bigint DEFAULT 20,
    recent interval DEFAULT NULL, as_of timestamptz DEFAULT NULL, at_least bigint DEFAULT 1)
RETURNS TABLE (rank integer, item_id text, age interval, total_count bigint, daily double precision, daily_low double precision, daily_high double precision)
AS 'MODULE_PATHNAME', 'new_items_wrapper' LANGUAGE c STABLE COST 10000 ROWS 20;
COMMENT ON FUNCTION affinity.new_items(regclass, name, name, name, bigint, interval, timestamptz, bigint) IS
'Which new items catch on, from events alone: those whose first event is not older than recent, with their age, their users so far (without user_col events), how many more come a day, and both ends of the 90 % interval of that; by the lower one they stand. recent: NULL: 30 days, or a sixth of the time there is. as_of: NULL: the latest event. at_least: users that an item must have had.';
