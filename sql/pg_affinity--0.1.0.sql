\echo Use "CREATE EXTENSION pg_affinity" to load this file. \quit

-- The SQL face of pg_affinity 0.1.0, by chapter. Every function's symbol is `<name>_wrapper` in the library; tests/signatures.rs holds
-- the signatures here against it. Everything is qualified and nothing is replaced.

-- ## The schemas and the version

-- Made here and nowhere else, so that they belong to the extension's owner, a superuser: whoever owned a schema could rename it, and plant tables,
-- triggers and overloads in it. One that is there already is an error.
CREATE SCHEMA affinity;
COMMENT ON SCHEMA affinity IS 'pg_affinity: recommendations, search ranking and behaviour prediction.';
-- What nobody calls by hand: the steps of aggregates, and what the planner and the views call. So \df affinity.* shows what people call.
CREATE SCHEMA affinity_internal;
COMMENT ON SCHEMA affinity_internal IS 'What pg_affinity''s aggregates, views and the planner call. Not for calling.';

CREATE FUNCTION affinity.version() RETURNS text
AS 'MODULE_PATHNAME', 'version_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity.version() IS 'The version of the library that is loaded.';

-- ## The store

-- What a role may see is in the views; the tables are closed and only the library writes them, as the extension's owner, after it has
-- checked the caller's membership. No row-level security: it would break pg_dump for everybody but superusers. No foreign keys: a parallel restore
-- loads the tables in any order, while CREATE EXTENSION has made the keys before. The library deletes what belongs together, and
-- affinity.check() says what does not. Ids are random, not counted: sequences are not replicated, and a subscriber trains, too.

-- Roles stand here by name, so that a dump restores where they are missing, and beside it by oid, so that a role that is made later under the same
-- name has no part in them. affinity_internal.guard_owner keeps both.
CREATE TABLE affinity.stored_models (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name text NOT NULL UNIQUE,
    owner text NOT NULL,
    owner_oid oid NOT NULL DEFAULT 0,
    -- Who may use it beside the owner, and what for: one scope a reader ('score', 'lists', 'all').
    readers text[] NOT NULL DEFAULT '{}',
    reader_oids oid[] NOT NULL DEFAULT '{}',
    reader_scopes text[] NOT NULL DEFAULT '{}',
    deployed integer,
    -- Versions that were deployed before, latest last: what rollback goes back to.
    formerly integer[] NOT NULL DEFAULT '{}',
    last_version integer NOT NULL DEFAULT 0,
    created timestamp with time zone NOT NULL DEFAULT pg_catalog.now()
);

-- call, params and state are json, not jsonb: their texts are part of the digests and come back as they were written. The owner is the model's: whoever
-- can add rows cannot add a version to another's model.
CREATE TABLE affinity.stored_versions (
    model_id uuid NOT NULL,
    version integer NOT NULL,
    owner text NOT NULL,
    owner_oid oid NOT NULL DEFAULT 0,
    kind text NOT NULL,
    created timestamp with time zone NOT NULL DEFAULT pg_catalog.now(),
    call json NOT NULL,
    params json NOT NULL,
    state json NOT NULL,
    rows_used bigint NOT NULL,
    rows_skipped bigint NOT NULL,
    seconds double precision NOT NULL,
    metrics jsonb NOT NULL,
    evaluated double precision,
    -- Of state and weights, for affinity.max_stored.
    bytes bigint NOT NULL,
    -- Of state and weights; and of kind, call and params with that one.
    digest bytea NOT NULL,
    call_digest bytea NOT NULL,
    PRIMARY KEY (model_id, version)
);

CREATE TABLE affinity.stored_weights (
    model_id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    chunk integer NOT NULL,
    dtype text NOT NULL,
    shape bigint[] NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (model_id, version, name, chunk)
);
-- Floats do not compress; without trying to, they are written and read at the speed of the disk.
ALTER TABLE affinity.stored_weights ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE affinity.stored_epochs (
    model_id uuid NOT NULL,
    version integer NOT NULL,
    -- Some kinds train several networks, one after the other: epochs are numbered through.
    epoch integer NOT NULL,
    train_loss double precision,
    valid_loss double precision,
    metric text,
    value double precision,
    seconds double precision NOT NULL,
    PRIMARY KEY (model_id, version, epoch)
);

-- A row of the store names the owner with whose rights its relations are read, so nobody may write one that names a role whose rights he lacks. The library
-- writes as a superuser, after its own checks; who else can write is the database's owner, so that he can restore. What he restores of others becomes
-- his own, which loses nothing: affinity.alter_owner gives it back. Enabled always, so that a subscription's rows are looked up here, too.
CREATE FUNCTION affinity_internal.guard_owner() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    whose oid := (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = NEW.owner);
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.owner = OLD.owner AND NEW.owner_oid <> 0 THEN
        -- The oid goes with the name that it was looked up by.
        NEW.owner_oid := OLD.owner_oid;
    ELSIF coalesce(pg_has_role(current_user, whose, 'USAGE'), (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)) THEN
        -- A role that is not there owns nothing, also when it is made later: a superuser gives its models to somebody.
        NEW.owner_oid := coalesce(whose, 0);
    ELSE
        IF TG_TABLE_NAME = 'stored_models' THEN
            RAISE WARNING 'model "%" belongs to % now', left(NEW.name, 63), current_user
                USING DETAIL = format('Its owner was %s, whose rights %s does not have.', left(NEW.owner, 63), current_user),
                HINT = 'A superuser can give it back: SELECT affinity.alter_owner(model, role);';
        END IF;
        NEW.owner := current_user;
        NEW.owner_oid := (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user);
    END IF;
    IF TG_TABLE_NAME = 'stored_models' THEN
        -- An update that has an oid for each reader says whom it means, also where roles were renamed, but not one that comes from another cluster.
        IF TG_OP = 'UPDATE' AND NEW.readers = OLD.readers AND current_setting('session_replication_role') = 'replica' THEN
            NEW.reader_oids := OLD.reader_oids;
        ELSIF TG_OP = 'INSERT' OR current_setting('session_replication_role') = 'replica' OR cardinality(NEW.reader_oids) <> cardinality(NEW.readers) THEN
            NEW.reader_oids := ARRAY(
                SELECT coalesce((SELECT a.oid FROM pg_catalog.pg_roles a WHERE a.rolname = r.role), 0)
                FROM unnest(NEW.readers) WITH ORDINALITY AS r(role, place) ORDER BY r.place);
        END IF;
    END IF;
    RETURN NEW;
END
$guard$;
COMMENT ON FUNCTION affinity_internal.guard_owner() IS 'Lets a row of the store name only an owner whose rights its writer has.';
CREATE TRIGGER guard_owner BEFORE INSERT OR UPDATE ON affinity.stored_models FOR EACH ROW EXECUTE FUNCTION affinity_internal.guard_owner();
CREATE TRIGGER guard_owner BEFORE INSERT OR UPDATE ON affinity.stored_versions FOR EACH ROW EXECUTE FUNCTION affinity_internal.guard_owner();
ALTER TABLE affinity.stored_models ENABLE ALWAYS TRIGGER guard_owner;
ALTER TABLE affinity.stored_versions ENABLE ALWAYS TRIGGER guard_owner;

SELECT pg_catalog.pg_extension_config_dump('affinity.stored_models', '');
SELECT pg_catalog.pg_extension_config_dump('affinity.stored_versions', '');
SELECT pg_catalog.pg_extension_config_dump('affinity.stored_weights', '');
SELECT pg_catalog.pg_extension_config_dump('affinity.stored_epochs', '');

CREATE FUNCTION affinity_internal.weight_values(dtype text, data bytea) RETURNS real[]
AS 'MODULE_PATHNAME', 'weight_values_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.weight_values(text, bytea) IS 'The numbers of a stored tensor as reals; NULL where they are no numbers (text ids).';

CREATE FUNCTION affinity_internal.owns(owner oid) RETURNS boolean
AS 'MODULE_PATHNAME', 'owns_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.owns(oid) IS 'Whether the current role has the rights of a model''s owner: is it, inherits from it, or is a superuser.';

CREATE FUNCTION affinity_internal.may_use(owner oid, readers text[], reader_oids oid[]) RETURNS boolean
AS 'MODULE_PATHNAME', 'may_use_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity_internal.may_use(oid, text[], oid[]) IS 'Whether the current role owns a model or was granted its use.';

CREATE VIEW affinity.models WITH (security_barrier) AS
SELECT m.name AS model, m.owner, m.readers, m.deployed, v.kind, v.created AS trained, m.last_version,
    (SELECT pg_catalog.count(*) FROM affinity.stored_versions a WHERE a.model_id OPERATOR(pg_catalog.=) m.id) AS versions,
    (SELECT pg_catalog.sum(a.bytes)::bigint FROM affinity.stored_versions a WHERE a.model_id OPERATOR(pg_catalog.=) m.id) AS bytes
FROM affinity.stored_models m
LEFT JOIN affinity.stored_versions v ON v.model_id OPERATOR(pg_catalog.=) m.id AND v.version OPERATOR(pg_catalog.=) m.deployed
WHERE affinity_internal.may_use(m.owner_oid, m.readers, m.reader_oids);
COMMENT ON VIEW affinity.models IS 'The models that the current role owns or may use.';

CREATE VIEW affinity.versions WITH (security_barrier) AS
SELECT m.name AS model, v.version, v.version OPERATOR(pg_catalog.=) m.deployed IS TRUE AS deployed, v.kind, v.created, v.rows_used,
    v.rows_skipped, v.seconds, v.metrics, v.params::jsonb AS params, v.call::jsonb AS call, v.bytes, v.digest
FROM affinity.stored_versions v
JOIN affinity.stored_models m ON m.id OPERATOR(pg_catalog.=) v.model_id
WHERE affinity_internal.may_use(m.owner_oid, m.readers, m.reader_oids);
COMMENT ON VIEW affinity.versions IS 'The versions of those models: how each was trained and how good it was on held-out rows.';

-- Learned numbers and curves are the owner's: weights can tell about single training rows.
CREATE VIEW affinity.weights WITH (security_barrier) AS
SELECT m.name AS model, w.version, w.name, w.chunk, w.dtype, w.shape, affinity_internal.weight_values(w.dtype, w.data) AS values
FROM affinity.stored_weights w
JOIN affinity.stored_models m ON m.id OPERATOR(pg_catalog.=) w.model_id
WHERE affinity_internal.owns(m.owner_oid);
COMMENT ON VIEW affinity.weights IS 'The weights of one''s own models: tensors in row-major order, long ones in several chunks.';

CREATE VIEW affinity.epochs WITH (security_barrier) AS
SELECT m.name AS model, e.version, e.epoch, e.train_loss, e.valid_loss, e.metric, e.value, e.seconds
FROM affinity.stored_epochs e
JOIN affinity.stored_models m ON m.id OPERATOR(pg_catalog.=) e.model_id
WHERE affinity_internal.owns(m.owner_oid);
COMMENT ON VIEW affinity.epochs IS 'The learning curves of one''s own models, a row an epoch.';

-- ## Training

-- What a training returns; also the row of affinity.train_recommender.
CREATE TYPE affinity.training AS (model text, version integer, kind text, rows_used bigint, rows_skipped bigint, seconds double precision,
    metrics jsonb, deployed boolean);

CREATE FUNCTION affinity.train(model text, source regclass, target name DEFAULT NULL, kind text DEFAULT 'mlp', time_col name DEFAULT NULL,
    group_col name DEFAULT NULL, params jsonb DEFAULT '{}', seed bigint DEFAULT 0, deploy text DEFAULT 'if_better')
RETURNS SETOF affinity.training
AS 'MODULE_PATHNAME', 'train_wrapper' LANGUAGE c COST 1000000 ROWS 1;
COMMENT ON FUNCTION affinity.train(text, regclass, name, text, name, name, jsonb, bigint, text) IS 'Trains a model that predicts the column target from the other columns of a table or view, or describes rows where its kind takes no target, as the next version of that name.';

CREATE FUNCTION affinity.retrain(model text, deploy text DEFAULT NULL) RETURNS SETOF affinity.training
AS 'MODULE_PATHNAME', 'retrain_wrapper' LANGUAGE c COST 1000000 ROWS 1;
COMMENT ON FUNCTION affinity.retrain(text, text) IS 'Repeats the latest training of a model on the rows that are there now, with the rights of its owner. deploy: when the new version is deployed (if_better, unless_worse, always, never); NULL: as the training said.';

CREATE FUNCTION affinity_internal.trainings() RETURNS TABLE (pid integer, process_started timestamp with time zone, model text, kind text, phase text,
    rows bigint, done bigint, total bigint, epoch integer, train_loss double precision, valid_loss double precision, metric text, best double precision,
    seconds_left double precision)
AS 'MODULE_PATHNAME', 'trainings_wrapper' LANGUAGE c VOLATILE ROWS 10;
COMMENT ON FUNCTION affinity_internal.trainings() IS 'What affinity.progress shows, with trainings of processes that have died.';

CREATE VIEW affinity.progress AS
SELECT t.pid, s.usename AS role, t.model, t.kind, t.phase, t.done, t.total, t.rows, t.epoch, t.train_loss, t.valid_loss, t.metric, t.best,
    s.query_start AS started, EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.query_start)::double precision AS seconds, t.seconds_left
FROM affinity_internal.trainings() t
JOIN pg_catalog.pg_stat_activity s ON s.pid OPERATOR(pg_catalog.=) t.pid AND s.backend_start OPERATOR(pg_catalog.=) t.process_started;
COMMENT ON VIEW affinity.progress IS 'Trainings under way of roles whose rights the current role has: what each is doing, how much of it is done, its last epoch, the best figure so far, and how long the part under way takes at most if it goes on so.';

CREATE FUNCTION affinity.kinds() RETURNS TABLE (kind text, for_what text, learns_from text)
AS 'MODULE_PATHNAME', 'kinds_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION affinity.kinds() IS 'The kinds of models, what each is for and what it learns from.';

CREATE FUNCTION affinity.params(kind text) RETURNS TABLE (name text, type text, "default" text, range text, meaning text)
AS 'MODULE_PATHNAME', 'params_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION affinity.params(text) IS 'The parameters of a kind: type, default, range and meaning.';

-- ## Models

CREATE FUNCTION affinity.deploy(model text, version integer) RETURNS void
AS 'MODULE_PATHNAME', 'deploy_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.deploy(text, integer) IS 'Makes a version of a model the one that answers, after it was read back and checked.';

CREATE FUNCTION affinity.rollback(model text) RETURNS integer
AS 'MODULE_PATHNAME', 'rollback_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.rollback(text) IS 'Goes back to the version that was deployed before; returns its number.';

CREATE FUNCTION affinity.drop_model(model text) RETURNS void
AS 'MODULE_PATHNAME', 'drop_model_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.drop_model(text) IS 'Drops a model with all its versions.';

CREATE FUNCTION affinity.drop_version(model text, version integer) RETURNS void
AS 'MODULE_PATHNAME', 'drop_version_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.drop_version(text, integer) IS 'Drops a version that is not deployed.';

CREATE FUNCTION affinity.grant_model(model text, role name, scope text DEFAULT 'all') RETURNS void
AS 'MODULE_PATHNAME', 'grant_model_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.grant_model(text, name, text) IS 'Lets a role, or public, use a model: to score what it hands over (scope score), also to make lists for users (lists), or for everything (all).';

CREATE FUNCTION affinity.revoke_model(model text, role name) RETURNS void
AS 'MODULE_PATHNAME', 'revoke_model_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.revoke_model(text, name) IS 'Takes back what grant_model gave.';

CREATE FUNCTION affinity.alter_owner(model text, role name) RETURNS void
AS 'MODULE_PATHNAME', 'alter_owner_wrapper' LANGUAGE c;
COMMENT ON FUNCTION affinity.alter_owner(text, name) IS 'Gives a model with its versions to another role; a superuser also one whose owner is gone.';

CREATE FUNCTION affinity.check() RETURNS TABLE (model text, version integer, finding text, detail text, mend text)
AS 'MODULE_PATHNAME', 'check_wrapper' LANGUAGE c STABLE COST 1000000 ROWS 10;
COMMENT ON FUNCTION affinity.check() IS 'What is not as it should be with one''s models, and the statement that mends it: damaged versions, owners and readers that are gone, relations and columns without which a model that reads live cannot answer; for a superuser also rows that belong to no model. No row: all is well.';

-- ## Scoring rows

-- Rows are matched by column name, extra columns are ignored; an array of numbers is read in the order of the training relation's columns.
-- anycompatible, not overloads for records and arrays: what a driver sends without a type resolves too, as text, and is read as an array's
-- literal. COST: a row is read and scored in about the time of a hundred simple operators, so that the planner filters first and shares the
-- rows among workers.

CREATE FUNCTION affinity_internal.row_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'row_support_wrapper' LANGUAGE c STRICT;
COMMENT ON FUNCTION affinity_internal.row_support(internal) IS 'Tells the planner how to pass the columns of a row instead of the row. Not for calling.';

CREATE FUNCTION affinity.predict(model text, "row" anycompatible) RETURNS double precision
AS 'MODULE_PATHNAME', 'predict_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 SUPPORT affinity_internal.row_support;
COMMENT ON FUNCTION affinity.predict(text, anycompatible) IS 'The probability of the positive class, or the value, that a model predicts for a row: SELECT affinity.predict(''m'', t) FROM t. Columns are matched by name; or the inputs as an array, in the order of the training relation''s columns.';

CREATE FUNCTION affinity_internal.predict_columns(model text, names text[], VARIADIC "columns" "any") RETURNS double precision
AS 'MODULE_PATHNAME', 'predict_columns_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION affinity_internal.predict_columns(text, text[], "any") IS 'The probability of the positive class, or the value for a row that is passed as its columns: what the planner makes of predict(model, row) where it can, so that no row need be built.';

CREATE FUNCTION affinity.predict_class(model text, "row" anycompatible) RETURNS text
AS 'MODULE_PATHNAME', 'predict_class_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 SUPPORT affinity_internal.row_support;
COMMENT ON FUNCTION affinity.predict_class(text, anycompatible) IS 'The likeliest class of a row, as text; of a model with class_weight, that of the greatest probability times its weight.';

CREATE FUNCTION affinity_internal.predict_class_columns(model text, names text[], VARIADIC "columns" "any") RETURNS text
AS 'MODULE_PATHNAME', 'predict_class_columns_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION affinity_internal.predict_class_columns(text, text[], "any") IS 'The likeliest class for a row that is passed as its columns: what the planner makes of predict_class(model, row) where it can, so that no row need be built.';

CREATE FUNCTION affinity.predict_proba(model text, "row" anycompatible) RETURNS jsonb
AS 'MODULE_PATHNAME', 'predict_proba_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100 SUPPORT affinity_internal.row_support;
COMMENT ON FUNCTION affinity.predict_proba(text, anycompatible) IS 'The probability of each class of a row, by name.';

CREATE FUNCTION affinity_internal.predict_proba_columns(model text, names text[], VARIADIC "columns" "any") RETURNS jsonb
AS 'MODULE_PATHNAME', 'predict_proba_columns_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION affinity_internal.predict_proba_columns(text, text[], "any") IS 'The probability of each class for a row that is passed as its columns: what the planner makes of predict_proba(model, row) where it can, so that no row need be built.';

CREATE FUNCTION affinity.tags(model text, "row" anycompatible, k bigint DEFAULT 5) RETURNS TABLE (tag text, probability double precision)
AS 'MODULE_PATHNAME', 'tags_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 150 ROWS 5;
COMMENT ON FUNCTION affinity.tags(text, anycompatible, bigint) IS 'The k likeliest tags of a row with their probabilities, the likeliest first: SELECT t.* FROM products p, affinity.tags(''m'', p) t. For a model of classes: the likeliest classes.';

-- ## Describing rows

-- For models of kinds that learn from rows without a target.

CREATE FUNCTION affinity.encode(model text, "row" anycompatible) RETURNS real[]
AS 'MODULE_PATHNAME', 'encode_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200 SUPPORT affinity_internal.row_support;
COMMENT ON FUNCTION affinity.encode(text, anycompatible) IS 'The numbers that describe a row, by a model that was trained without a target: SELECT affinity.encode(''m'', t) FROM t. pgvector''s vector takes them by assignment.';

CREATE FUNCTION affinity_internal.encode_columns(model text, names text[], VARIADIC "columns" "any") RETURNS real[]
AS 'MODULE_PATHNAME', 'encode_columns_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION affinity_internal.encode_columns(text, text[], "any") IS 'The numbers that describe a row that is passed as its columns: what the planner makes of encode(model, row) where it can, so that no row need be built.';

CREATE FUNCTION affinity.reconstruct(model text, "row" anycompatible) RETURNS jsonb
AS 'MODULE_PATHNAME', 'reconstruct_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 2000 SUPPORT affinity_internal.row_support;
COMMENT ON FUNCTION affinity.reconstruct(text, anycompatible) IS 'Every column of a row as the model gives it back from the numbers that describe the row; also what is missing in it. Null for a text too rare to have a name.';

CREATE FUNCTION affinity_internal.reconstruct_columns(model text, names text[], VARIADIC "columns" "any") RETURNS jsonb
AS 'MODULE_PATHNAME', 'reconstruct_columns_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION affinity_internal.reconstruct_columns(text, text[], "any") IS 'Every column as the model gives it back, of a row that is passed as its columns: what the planner makes of reconstruct(model, row) where it can, so that no row need be built.';

CREATE TYPE affinity.oddity AS (score double precision, "column" text);

CREATE FUNCTION affinity.anomaly(model text, "row" anycompatible) RETURNS affinity.oddity
AS 'MODULE_PATHNAME', 'anomaly_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 2000 SUPPORT affinity_internal.row_support;
COMMENT ON FUNCTION affinity.anomaly(text, anycompatible) IS 'How badly a row comes back, 1 being usual, and the column that comes back worst. NULL for a row without any value.';

CREATE FUNCTION affinity_internal.anomaly_columns(model text, names text[], VARIADIC "columns" "any") RETURNS affinity.oddity
AS 'MODULE_PATHNAME', 'anomaly_columns_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION affinity_internal.anomaly_columns(text, text[], "any") IS 'How badly a row comes back, and which column, of a row that is passed as its columns: what the planner makes of anomaly(model, row) where it can, so that no row need be built.';

-- ## Generating rows

-- For models of kind gan.

CREATE FUNCTION affinity.generate(model text, n bigint, condition jsonb DEFAULT NULL, seed bigint DEFAULT 0) RETURNS SETOF jsonb
AS 'MODULE_PATHNAME', 'generate_wrapper' LANGUAGE c STABLE PARALLEL SAFE COST 20000 ROWS 1000;
COMMENT ON FUNCTION affinity.generate(text, bigint, jsonb, bigint) IS 'New rows that are like those a model was trained on, as objects by column, with these values of text and boolean columns: INSERT INTO t SELECT r.* FROM affinity.generate(''m'', 100, ''{"brand": "Private"}'') g, jsonb_populate_record(NULL::t, g) r. The same seed makes the same rows.';

CREATE FUNCTION affinity.realism(model text, "row" anycompatible) RETURNS double precision
AS 'MODULE_PATHNAME', 'realism_wrapper' LANGUAGE c STABLE STRICT PARALLEL SAFE COST 2000;
COMMENT ON FUNCTION affinity.realism(text, anycompatible) IS 'How real a row looks, by the critic of a model that generates rows: the share of real rows that look no more real, 0 to 1.';

-- ## Segments

CREATE FUNCTION affinity.describe(model text) RETURNS TABLE (segment text, "rows" bigint, "column" text, mean double precision,
    overall double precision, effect double precision)
AS 'MODULE_PATHNAME', 'describe_wrapper' LANGUAGE c STABLE STRICT COST 1000 ROWS 50;
COMMENT ON FUNCTION affinity.describe(text) IS 'What sets each segment of a model of kind segments apart: its rows, a column''s mean there (a share, for column = value and for truth values; the year, for times), the mean of all rows, and the difference in standard deviations; the strongest first.';

-- ## Quality

CREATE TYPE affinity.figure AS (model text, metric text, k integer, value double precision, low double precision, high double precision,
    "rows" bigint);

CREATE FUNCTION affinity.evaluate(model text, source regclass DEFAULT NULL, target name DEFAULT NULL, k integer DEFAULT 20,
    all_rows boolean DEFAULT false)
RETURNS SETOF affinity.figure
AS 'MODULE_PATHNAME', 'evaluate_wrapper' LANGUAGE c STABLE COST 10000 ROWS 20;
COMMENT ON FUNCTION affinity.evaluate(text, regclass, name, integer, boolean) IS
'How good a model is on the rows of a relation: figures with their 95 % intervals, then those of the simple model trained beside it. Of the rows that taught it, it is evaluated on those that were held out (all_rows: all). For a kind that gives rows back, how well each column does. For a recommender, lists of k against later events; without a relation, against those that training held out.';

CREATE TYPE affinity.comparison AS (model text, metric text, k integer, value double precision, low double precision, high double precision,
    above double precision, above_low double precision, above_high double precision, users bigint);

CREATE FUNCTION affinity.compare(models text[], source regclass, k integer DEFAULT 20) RETURNS SETOF affinity.comparison
AS 'MODULE_PATHNAME', 'compare_wrapper' LANGUAGE c STABLE COST 10000 ROWS 30;
COMMENT ON FUNCTION affinity.compare(text[], regclass, integer) IS
'Several recommenders on the same users of a relation of later events: the figures of each, and how far they are above those of the first, with paired 95 % intervals.';

CREATE FUNCTION affinity.report(model text, source regclass DEFAULT NULL, k integer DEFAULT 20, titles regclass DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'report_wrapper' LANGUAGE c STABLE COST 1000000;
COMMENT ON FUNCTION affinity.report(text, regclass, integer, regclass) IS
'A model on one page, as an HTML document that needs nothing else: learning curve, figures with their intervals beside the simple model''s, and for a recommender lists beside the users'' histories and what is shown how often. source as for evaluate; titles is a relation with a title for each item.';

-- Rows with a NULL do not count. Labels are boolean, or numbers that are 0 or 1; anycompatible, so that NULL and an untyped parameter resolve too.
-- A weight says as how many rows one counts, fractions included.

CREATE FUNCTION affinity_internal.auc_step(internal, double precision, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.auc_step(internal, double precision, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.auc_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.auc_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'auc_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.auc_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.auc_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'auc_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.auc(score double precision, label anycompatible) (
    SFUNC = affinity_internal.auc_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.auc_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.auc_combine, SERIALFUNC = affinity_internal.auc_serialise, DESERIALFUNC = affinity_internal.auc_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.auc(score double precision, label anycompatible, weight double precision) (
    SFUNC = affinity_internal.auc_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.auc_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.auc_combine, SERIALFUNC = affinity_internal.auc_serialise, DESERIALFUNC = affinity_internal.auc_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.auc(double precision, anycompatible) IS 'Area under the ROC curve: the chance that a positive row scores above a negative one. NULL where one class is missing.';
COMMENT ON AGGREGATE affinity.auc(double precision, anycompatible, double precision) IS 'Area under the ROC curve: the chance that a positive row scores above a negative one. NULL where one class is missing. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.average_precision_step(internal, double precision, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.average_precision_step(internal, double precision, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.average_precision_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.average_precision_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'average_precision_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.average_precision_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.average_precision_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'average_precision_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.average_precision(score double precision, label anycompatible) (
    SFUNC = affinity_internal.average_precision_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.average_precision_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.average_precision_combine, SERIALFUNC = affinity_internal.average_precision_serialise, DESERIALFUNC = affinity_internal.average_precision_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.average_precision(score double precision, label anycompatible, weight double precision) (
    SFUNC = affinity_internal.average_precision_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.average_precision_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.average_precision_combine, SERIALFUNC = affinity_internal.average_precision_serialise, DESERIALFUNC = affinity_internal.average_precision_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.average_precision(double precision, anycompatible) IS 'Mean of the precision at each positive row, best scores first.';
COMMENT ON AGGREGATE affinity.average_precision(double precision, anycompatible, double precision) IS 'Mean of the precision at each positive row, best scores first. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.log_loss_step(internal, double precision, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.log_loss_step(internal, double precision, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.log_loss_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.log_loss_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'log_loss_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.log_loss_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.log_loss_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'log_loss_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.log_loss(score double precision, label anycompatible) (
    SFUNC = affinity_internal.log_loss_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.log_loss_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.log_loss_combine, SERIALFUNC = affinity_internal.log_loss_serialise, DESERIALFUNC = affinity_internal.log_loss_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.log_loss(score double precision, label anycompatible, weight double precision) (
    SFUNC = affinity_internal.log_loss_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.log_loss_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.log_loss_combine, SERIALFUNC = affinity_internal.log_loss_serialise, DESERIALFUNC = affinity_internal.log_loss_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.log_loss(double precision, anycompatible) IS 'Mean of the negative logarithm of the probability given to what happened; smaller is better.';
COMMENT ON AGGREGATE affinity.log_loss(double precision, anycompatible, double precision) IS 'Mean of the negative logarithm of the probability given to what happened; smaller is better. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.brier_step(internal, double precision, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.brier_step(internal, double precision, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.brier_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.brier_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'brier_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.brier_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.brier_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'brier_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.brier(score double precision, label anycompatible) (
    SFUNC = affinity_internal.brier_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.brier_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.brier_combine, SERIALFUNC = affinity_internal.brier_serialise, DESERIALFUNC = affinity_internal.brier_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.brier(score double precision, label anycompatible, weight double precision) (
    SFUNC = affinity_internal.brier_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.brier_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.brier_combine, SERIALFUNC = affinity_internal.brier_serialise, DESERIALFUNC = affinity_internal.brier_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.brier(double precision, anycompatible) IS 'Mean squared difference of probability and outcome; smaller is better.';
COMMENT ON AGGREGATE affinity.brier(double precision, anycompatible, double precision) IS 'Mean squared difference of probability and outcome; smaller is better. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.accuracy_step(internal, double precision, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_step(internal, double precision, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_step_class(internal, text, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_class_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_step_class(internal, text, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_class_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'accuracy_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.accuracy_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'accuracy_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.accuracy(score double precision, label anycompatible) (
    SFUNC = affinity_internal.accuracy_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.accuracy_combine, SERIALFUNC = affinity_internal.accuracy_serialise, DESERIALFUNC = affinity_internal.accuracy_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.accuracy(score double precision, label anycompatible, weight double precision) (
    SFUNC = affinity_internal.accuracy_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.accuracy_combine, SERIALFUNC = affinity_internal.accuracy_serialise, DESERIALFUNC = affinity_internal.accuracy_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.accuracy(predicted text, actual anycompatible) (
    SFUNC = affinity_internal.accuracy_step_class, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.accuracy_combine, SERIALFUNC = affinity_internal.accuracy_serialise, DESERIALFUNC = affinity_internal.accuracy_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.accuracy(predicted text, actual anycompatible, weight double precision) (
    SFUNC = affinity_internal.accuracy_step_class, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.accuracy_combine, SERIALFUNC = affinity_internal.accuracy_serialise, DESERIALFUNC = affinity_internal.accuracy_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.accuracy(double precision, anycompatible) IS 'Share of rows whose outcome is the predicted one: a probability predicts the positive class from one half on.';
COMMENT ON AGGREGATE affinity.accuracy(double precision, anycompatible, double precision) IS 'Share of rows whose outcome is the predicted one: a probability predicts the positive class from one half on. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';
COMMENT ON AGGREGATE affinity.accuracy(text, anycompatible) IS 'Share of rows whose class, a text, number, truth value or enum, is the predicted one.';
COMMENT ON AGGREGATE affinity.accuracy(text, anycompatible, double precision) IS 'Share of rows whose class, a text, number, truth value or enum, is the predicted one. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.rmse_step(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rmse_step(internal, double precision, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rmse_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rmse_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'rmse_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rmse_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rmse_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'rmse_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.rmse(predicted double precision, actual double precision) (
    SFUNC = affinity_internal.rmse_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.rmse_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rmse_combine, SERIALFUNC = affinity_internal.rmse_serialise, DESERIALFUNC = affinity_internal.rmse_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rmse(predicted double precision, actual double precision, weight double precision) (
    SFUNC = affinity_internal.rmse_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.rmse_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rmse_combine, SERIALFUNC = affinity_internal.rmse_serialise, DESERIALFUNC = affinity_internal.rmse_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.rmse(double precision, double precision) IS 'Root of the mean squared error.';
COMMENT ON AGGREGATE affinity.rmse(double precision, double precision, double precision) IS 'Root of the mean squared error. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.mae_step(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mae_step(internal, double precision, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mae_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mae_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'mae_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mae_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mae_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'mae_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.mae(predicted double precision, actual double precision) (
    SFUNC = affinity_internal.mae_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.mae_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.mae_combine, SERIALFUNC = affinity_internal.mae_serialise, DESERIALFUNC = affinity_internal.mae_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.mae(predicted double precision, actual double precision, weight double precision) (
    SFUNC = affinity_internal.mae_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.mae_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.mae_combine, SERIALFUNC = affinity_internal.mae_serialise, DESERIALFUNC = affinity_internal.mae_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.mae(double precision, double precision) IS 'Mean absolute error.';
COMMENT ON AGGREGATE affinity.mae(double precision, double precision, double precision) IS 'Mean absolute error. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

CREATE FUNCTION affinity_internal.r2_step(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.r2_step(internal, double precision, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.r2_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.r2_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'r2_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.r2_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.r2_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'r2_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.r2(predicted double precision, actual double precision) (
    SFUNC = affinity_internal.r2_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.r2_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.r2_combine, SERIALFUNC = affinity_internal.r2_serialise, DESERIALFUNC = affinity_internal.r2_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.r2(predicted double precision, actual double precision, weight double precision) (
    SFUNC = affinity_internal.r2_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity_internal.r2_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.r2_combine, SERIALFUNC = affinity_internal.r2_serialise, DESERIALFUNC = affinity_internal.r2_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.r2(double precision, double precision) IS 'Coefficient of determination: 1 is perfect, 0 is no better than the mean. NULL where the actual values do not vary.';
COMMENT ON AGGREGATE affinity.r2(double precision, double precision, double precision) IS 'Coefficient of determination: 1 is perfect, 0 is no better than the mean. NULL where the actual values do not vary. A row counts weight, as if it were there so often; one of weight 0 or NULL does not count.';

-- Of one list a group: rows are its entries, best score first. anycompatible, as labels are.

CREATE FUNCTION affinity_internal.ndcg_step(internal, double precision, anycompatible, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'ndcg_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.ndcg_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'ndcg_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.ndcg_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'ndcg_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.ndcg_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'ndcg_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.ndcg_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'ndcg_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.ndcg(score double precision, relevance anycompatible, k bigint) (
    SFUNC = affinity_internal.ndcg_step, STYPE = internal, SSPACE = 4096, FINALFUNC = affinity_internal.ndcg_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.ndcg_combine, SERIALFUNC = affinity_internal.ndcg_serialise, DESERIALFUNC = affinity_internal.ndcg_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.ndcg(double precision, anycompatible, bigint) IS 'Normalised discounted cumulative gain of one list, whose entries are the rows of a group, at the first k places (all, where k is NULL): relevance / log2(rank + 1) summed, by that of the best possible list. relevance is a truth value or a number of 0 or more. Entries of one score share their places (the mean over all orders of them). One without a score is in no place, but to be found; one of unknown relevance does not count. NULL where nothing is relevant, so that avg() over lists leaves it out.';

CREATE FUNCTION affinity_internal.recall_at_step(internal, double precision, anycompatible, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'recall_at_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.recall_at_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'recall_at_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.recall_at_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'recall_at_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.recall_at_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'recall_at_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.recall_at_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'recall_at_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.recall_at(score double precision, relevant anycompatible, k bigint) (
    SFUNC = affinity_internal.recall_at_step, STYPE = internal, SSPACE = 4096, FINALFUNC = affinity_internal.recall_at_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.recall_at_combine, SERIALFUNC = affinity_internal.recall_at_serialise, DESERIALFUNC = affinity_internal.recall_at_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.recall_at(double precision, anycompatible, bigint) IS 'Of one list, whose entries are the rows of a group, the share of what is relevant that is among the first k (all, where k is NULL). Entries of one score share their places (the mean over all orders of them). One without a score is in no place, but to be found; one of unknown relevance does not count. NULL where nothing is relevant, so that avg() over lists leaves it out.';

CREATE FUNCTION affinity_internal.mrr_step(internal, double precision, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'mrr_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mrr_step(internal, double precision, anycompatible, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'mrr_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mrr_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'mrr_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mrr_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'mrr_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mrr_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'mrr_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.mrr_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'mrr_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.mrr(score double precision, relevant anycompatible) (
    SFUNC = affinity_internal.mrr_step, STYPE = internal, SSPACE = 4096, FINALFUNC = affinity_internal.mrr_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.mrr_combine, SERIALFUNC = affinity_internal.mrr_serialise, DESERIALFUNC = affinity_internal.mrr_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.mrr(score double precision, relevant anycompatible, k bigint) (
    SFUNC = affinity_internal.mrr_step, STYPE = internal, SSPACE = 4096, FINALFUNC = affinity_internal.mrr_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.mrr_combine, SERIALFUNC = affinity_internal.mrr_serialise, DESERIALFUNC = affinity_internal.mrr_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.mrr(double precision, anycompatible) IS 'Of one list, whose entries are the rows of a group, 1 / rank of the first relevant one. Entries of one score share their places (the mean over all orders of them). One without a score is in no place, but to be found; one of unknown relevance does not count. NULL where nothing is relevant, so that avg() over lists leaves it out.';
COMMENT ON AGGREGATE affinity.mrr(double precision, anycompatible, bigint) IS 'Of one list, whose entries are the rows of a group, 1 / rank of the first relevant one, 0 where it is not among the first k. Entries of one score share their places (the mean over all orders of them). One without a score is in no place, but to be found; one of unknown relevance does not count. NULL where nothing is relevant, so that avg() over lists leaves it out.';

COMMENT ON FUNCTION affinity_internal.auc_combine(internal, internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity_internal.auc_serialise(internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity_internal.auc_deserialise(bytea, internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity_internal.auc_final(internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity_internal.auc_step(internal, double precision, anycompatible) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity_internal.auc_step(internal, double precision, anycompatible, double precision) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity_internal.average_precision_combine(internal, internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity_internal.average_precision_serialise(internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity_internal.average_precision_deserialise(bytea, internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity_internal.average_precision_final(internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity_internal.average_precision_step(internal, double precision, anycompatible) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity_internal.average_precision_step(internal, double precision, anycompatible, double precision) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity_internal.log_loss_combine(internal, internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity_internal.log_loss_serialise(internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity_internal.log_loss_deserialise(bytea, internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity_internal.log_loss_final(internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity_internal.log_loss_step(internal, double precision, anycompatible) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity_internal.log_loss_step(internal, double precision, anycompatible, double precision) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity_internal.brier_combine(internal, internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity_internal.brier_serialise(internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity_internal.brier_deserialise(bytea, internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity_internal.brier_final(internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity_internal.brier_step(internal, double precision, anycompatible) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity_internal.brier_step(internal, double precision, anycompatible, double precision) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity_internal.accuracy_combine(internal, internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_serialise(internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_deserialise(bytea, internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_final(internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_step(internal, double precision, anycompatible) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_step(internal, double precision, anycompatible, double precision) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_step_class(internal, text, anycompatible) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.accuracy_step_class(internal, text, anycompatible, double precision) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity_internal.rmse_combine(internal, internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity_internal.rmse_serialise(internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity_internal.rmse_deserialise(bytea, internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity_internal.rmse_final(internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity_internal.rmse_step(internal, double precision, double precision) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity_internal.rmse_step(internal, double precision, double precision, double precision) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity_internal.mae_combine(internal, internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity_internal.mae_serialise(internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity_internal.mae_deserialise(bytea, internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity_internal.mae_final(internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity_internal.mae_step(internal, double precision, double precision) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity_internal.mae_step(internal, double precision, double precision, double precision) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity_internal.r2_combine(internal, internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity_internal.r2_serialise(internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity_internal.r2_deserialise(bytea, internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity_internal.r2_final(internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity_internal.r2_step(internal, double precision, double precision) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity_internal.r2_step(internal, double precision, double precision, double precision) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity_internal.ndcg_combine(internal, internal) IS 'Part of the aggregate affinity.ndcg.';
COMMENT ON FUNCTION affinity_internal.ndcg_serialise(internal) IS 'Part of the aggregate affinity.ndcg.';
COMMENT ON FUNCTION affinity_internal.ndcg_deserialise(bytea, internal) IS 'Part of the aggregate affinity.ndcg.';
COMMENT ON FUNCTION affinity_internal.ndcg_final(internal) IS 'Part of the aggregate affinity.ndcg.';
COMMENT ON FUNCTION affinity_internal.ndcg_step(internal, double precision, anycompatible, bigint) IS 'Part of the aggregate affinity.ndcg.';
COMMENT ON FUNCTION affinity_internal.recall_at_combine(internal, internal) IS 'Part of the aggregate affinity.recall_at.';
COMMENT ON FUNCTION affinity_internal.recall_at_serialise(internal) IS 'Part of the aggregate affinity.recall_at.';
COMMENT ON FUNCTION affinity_internal.recall_at_deserialise(bytea, internal) IS 'Part of the aggregate affinity.recall_at.';
COMMENT ON FUNCTION affinity_internal.recall_at_final(internal) IS 'Part of the aggregate affinity.recall_at.';
COMMENT ON FUNCTION affinity_internal.recall_at_step(internal, double precision, anycompatible, bigint) IS 'Part of the aggregate affinity.recall_at.';
COMMENT ON FUNCTION affinity_internal.mrr_combine(internal, internal) IS 'Part of the aggregate affinity.mrr.';
COMMENT ON FUNCTION affinity_internal.mrr_serialise(internal) IS 'Part of the aggregate affinity.mrr.';
COMMENT ON FUNCTION affinity_internal.mrr_deserialise(bytea, internal) IS 'Part of the aggregate affinity.mrr.';
COMMENT ON FUNCTION affinity_internal.mrr_final(internal) IS 'Part of the aggregate affinity.mrr.';
COMMENT ON FUNCTION affinity_internal.mrr_step(internal, double precision, anycompatible) IS 'Part of the aggregate affinity.mrr.';
COMMENT ON FUNCTION affinity_internal.mrr_step(internal, double precision, anycompatible, bigint) IS 'Part of the aggregate affinity.mrr.';

-- ## Profiles

-- What events say about whoever they belong to. A row with a NULL does not count; a NULL half_life means that events do not fade, a NULL as_of
-- that all count. Times have a time zone or none, one or the other.

CREATE FUNCTION affinity_internal.profile_step(internal, anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp with time zone, interval) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp with time zone, interval, timestamp with time zone) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp without time zone, interval) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp without time zone, interval, timestamp without time zone) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_merge_step(internal, bytea) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_merge_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'profile_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'profile_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.profile_final(internal) RETURNS real[]
AS 'MODULE_PATHNAME', 'profile_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.profile(vector anycompatible) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile(vector anycompatible, weight double precision) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile(vector anycompatible, weight double precision, event_time timestamp with time zone, half_life interval) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile(vector anycompatible, weight double precision, event_time timestamp with time zone, half_life interval, as_of timestamp with time zone) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile(vector anycompatible, weight double precision, event_time timestamp without time zone, half_life interval) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile(vector anycompatible, weight double precision, event_time timestamp without time zone, half_life interval, as_of timestamp without time zone) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(vector anycompatible) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(vector anycompatible, weight double precision) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(vector anycompatible, weight double precision, event_time timestamp with time zone, half_life interval) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(vector anycompatible, weight double precision, event_time timestamp with time zone, half_life interval, as_of timestamp with time zone) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(vector anycompatible, weight double precision, event_time timestamp without time zone, half_life interval) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(vector anycompatible, weight double precision, event_time timestamp without time zone, half_life interval, as_of timestamp without time zone) (
    SFUNC = affinity_internal.profile_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_state(state bytea) (
    SFUNC = affinity_internal.profile_merge_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.profile_merge(state bytea) (
    SFUNC = affinity_internal.profile_merge_step, STYPE = internal, SSPACE = 1024, FINALFUNC = affinity_internal.profile_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.profile_combine, SERIALFUNC = affinity_internal.profile_serialise, DESERIALFUNC = affinity_internal.profile_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.profile(anycompatible) IS 'The mean of vectors';
COMMENT ON AGGREGATE affinity.profile(anycompatible, double precision) IS 'The mean of vectors, each by its weight';
COMMENT ON AGGREGATE affinity.profile(anycompatible, double precision, timestamp with time zone, interval) IS 'The mean of vectors, each by its weight, which halves with every half_life before the latest event';
COMMENT ON AGGREGATE affinity.profile(anycompatible, double precision, timestamp with time zone, interval, timestamp with time zone) IS 'The mean of vectors, each by its weight, which halves with every half_life; events after as_of do not count';
COMMENT ON AGGREGATE affinity.profile(anycompatible, double precision, timestamp without time zone, interval) IS 'The mean of vectors, each by its weight, which halves with every half_life before the latest event';
COMMENT ON AGGREGATE affinity.profile(anycompatible, double precision, timestamp without time zone, interval, timestamp without time zone) IS 'The mean of vectors, each by its weight, which halves with every half_life; events after as_of do not count';
COMMENT ON AGGREGATE affinity.profile_state(anycompatible) IS 'The state of affinity.profile as bytea: stored by day or fetched from a shard, and joined by affinity.profile_merge.';
COMMENT ON AGGREGATE affinity.profile_state(anycompatible, double precision) IS 'The state of affinity.profile as bytea: stored by day or fetched from a shard, and joined by affinity.profile_merge.';
COMMENT ON AGGREGATE affinity.profile_state(anycompatible, double precision, timestamp with time zone, interval) IS 'The state of affinity.profile as bytea: stored by day or fetched from a shard, and joined by affinity.profile_merge.';
COMMENT ON AGGREGATE affinity.profile_state(anycompatible, double precision, timestamp with time zone, interval, timestamp with time zone) IS 'The state of affinity.profile as bytea: stored by day or fetched from a shard, and joined by affinity.profile_merge.';
COMMENT ON AGGREGATE affinity.profile_state(anycompatible, double precision, timestamp without time zone, interval) IS 'The state of affinity.profile as bytea: stored by day or fetched from a shard, and joined by affinity.profile_merge.';
COMMENT ON AGGREGATE affinity.profile_state(anycompatible, double precision, timestamp without time zone, interval, timestamp without time zone) IS 'The state of affinity.profile as bytea: stored by day or fetched from a shard, and joined by affinity.profile_merge.';
COMMENT ON AGGREGATE affinity.profile_state(bytea) IS 'Joins states of affinity.profile into one, of days into a month for instance.';
COMMENT ON AGGREGATE affinity.profile_merge(bytea) IS 'What affinity.profile gives for all rows of the states that affinity.profile_state made of them.';
COMMENT ON FUNCTION affinity_internal.profile_step(internal, anycompatible) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp with time zone, interval) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp with time zone, interval, timestamp with time zone) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp without time zone, interval) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_step(internal, anycompatible, double precision, timestamp without time zone, interval, timestamp without time zone) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_merge_step(internal, bytea) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_combine(internal, internal) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_serialise(internal) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_deserialise(bytea, internal) IS 'Part of the aggregate affinity.profile.';
COMMENT ON FUNCTION affinity_internal.profile_final(internal) IS 'Part of the aggregate affinity.profile.';

-- SpaceSaving with max(256, 8 k) counters: exact for as many tags; beyond, a share is too high by one part in as many at most.

CREATE FUNCTION affinity_internal.interests_step(internal, text, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp with time zone, interval) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp with time zone, interval, timestamp with time zone, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp without time zone, interval) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp without time zone, interval, timestamp without time zone, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_merge_step(internal, bytea) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_merge_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'interests_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'interests_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.interests_final(internal) RETURNS jsonb
AS 'MODULE_PATHNAME', 'interests_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.interests(tag text, weight double precision) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests(tag text, weight double precision, event_time timestamp with time zone, half_life interval) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests(tag text, weight double precision, event_time timestamp with time zone, half_life interval, as_of timestamp with time zone, k bigint) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests(tag text, weight double precision, event_time timestamp without time zone, half_life interval) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests(tag text, weight double precision, event_time timestamp without time zone, half_life interval, as_of timestamp without time zone, k bigint) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_state(tag text, weight double precision) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_state(tag text, weight double precision, event_time timestamp with time zone, half_life interval) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_state(tag text, weight double precision, event_time timestamp with time zone, half_life interval, as_of timestamp with time zone, k bigint) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_state(tag text, weight double precision, event_time timestamp without time zone, half_life interval) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_state(tag text, weight double precision, event_time timestamp without time zone, half_life interval, as_of timestamp without time zone, k bigint) (
    SFUNC = affinity_internal.interests_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_state(state bytea) (
    SFUNC = affinity_internal.interests_merge_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.interests_merge(state bytea) (
    SFUNC = affinity_internal.interests_merge_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity_internal.interests_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.interests_combine, SERIALFUNC = affinity_internal.interests_serialise, DESERIALFUNC = affinity_internal.interests_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.interests(text, double precision) IS 'The tags that weigh most and their shares of all weight, as [{tag, share}, ...]: exact up to max(256, 8 k) different tags, else above the truth by 1 / max(256, 8 k) at most. Ten of them, by their weights';
COMMENT ON AGGREGATE affinity.interests(text, double precision, timestamp with time zone, interval) IS 'The tags that weigh most and their shares of all weight, as [{tag, share}, ...]: exact up to max(256, 8 k) different tags, else above the truth by 1 / max(256, 8 k) at most. Ten of them, by weights that halve with every half_life before the latest event';
COMMENT ON AGGREGATE affinity.interests(text, double precision, timestamp with time zone, interval, timestamp with time zone, bigint) IS 'The tags that weigh most and their shares of all weight, as [{tag, share}, ...]: exact up to max(256, 8 k) different tags, else above the truth by 1 / max(256, 8 k) at most. k of them, by weights that halve with every half_life; events after as_of do not count';
COMMENT ON AGGREGATE affinity.interests(text, double precision, timestamp without time zone, interval) IS 'The tags that weigh most and their shares of all weight, as [{tag, share}, ...]: exact up to max(256, 8 k) different tags, else above the truth by 1 / max(256, 8 k) at most. Ten of them, by weights that halve with every half_life before the latest event';
COMMENT ON AGGREGATE affinity.interests(text, double precision, timestamp without time zone, interval, timestamp without time zone, bigint) IS 'The tags that weigh most and their shares of all weight, as [{tag, share}, ...]: exact up to max(256, 8 k) different tags, else above the truth by 1 / max(256, 8 k) at most. k of them, by weights that halve with every half_life; events after as_of do not count';
COMMENT ON AGGREGATE affinity.interests_state(text, double precision) IS 'The state of affinity.interests as bytea: stored by day or fetched from a shard, and joined by affinity.interests_merge.';
COMMENT ON AGGREGATE affinity.interests_state(text, double precision, timestamp with time zone, interval) IS 'The state of affinity.interests as bytea: stored by day or fetched from a shard, and joined by affinity.interests_merge.';
COMMENT ON AGGREGATE affinity.interests_state(text, double precision, timestamp with time zone, interval, timestamp with time zone, bigint) IS 'The state of affinity.interests as bytea: stored by day or fetched from a shard, and joined by affinity.interests_merge.';
COMMENT ON AGGREGATE affinity.interests_state(text, double precision, timestamp without time zone, interval) IS 'The state of affinity.interests as bytea: stored by day or fetched from a shard, and joined by affinity.interests_merge.';
COMMENT ON AGGREGATE affinity.interests_state(text, double precision, timestamp without time zone, interval, timestamp without time zone, bigint) IS 'The state of affinity.interests as bytea: stored by day or fetched from a shard, and joined by affinity.interests_merge.';
COMMENT ON AGGREGATE affinity.interests_state(bytea) IS 'Joins states of affinity.interests into one, of days into a month for instance.';
COMMENT ON AGGREGATE affinity.interests_merge(bytea) IS 'What affinity.interests gives for all rows of the states that affinity.interests_state made of them.';
COMMENT ON FUNCTION affinity_internal.interests_step(internal, text, double precision) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp with time zone, interval) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp with time zone, interval, timestamp with time zone, bigint) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp without time zone, interval) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_step(internal, text, double precision, timestamp without time zone, interval, timestamp without time zone, bigint) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_merge_step(internal, bytea) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_combine(internal, internal) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_serialise(internal) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_deserialise(bytea, internal) IS 'Part of the aggregate affinity.interests.';
COMMENT ON FUNCTION affinity_internal.interests_final(internal) IS 'Part of the aggregate affinity.interests.';

-- Days since the latest event, events, the sum of the known amounts, days since the first event, those by the events, and the latest gap in mean gaps
-- (of a day at least). Of one event there is no gap.
CREATE TYPE affinity.habit AS (recency double precision, frequency bigint, monetary double precision, tenure double precision,
    mean_gap double precision, overdue double precision);
COMMENT ON TYPE affinity.habit IS 'What affinity.rfm gives: recency (since the latest event), tenure (since the first) and mean_gap (tenure by frequency) in days; overdue is recency by mean_gap, of a day at least: above 1, the next event is late. mean_gap and overdue are NULL below two events, monetary where no event has an amount.';

CREATE FUNCTION affinity_internal.rfm_step(internal, timestamp with time zone, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_step(internal, timestamp with time zone, double precision, timestamp with time zone) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_step(internal, timestamp without time zone, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_step(internal, timestamp without time zone, double precision, timestamp without time zone) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_merge_step(internal, bytea) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_merge_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'rfm_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.rfm_final(internal) RETURNS affinity.habit
AS 'MODULE_PATHNAME', 'rfm_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.rfm(event_time timestamp with time zone, amount double precision) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm(event_time timestamp with time zone, amount double precision, as_of timestamp with time zone) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm(event_time timestamp without time zone, amount double precision) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm(event_time timestamp without time zone, amount double precision, as_of timestamp without time zone) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm_state(event_time timestamp with time zone, amount double precision) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm_state(event_time timestamp with time zone, amount double precision, as_of timestamp with time zone) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm_state(event_time timestamp without time zone, amount double precision) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm_state(event_time timestamp without time zone, amount double precision, as_of timestamp without time zone) (
    SFUNC = affinity_internal.rfm_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm_state(state bytea) (
    SFUNC = affinity_internal.rfm_merge_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.rfm_merge(state bytea) (
    SFUNC = affinity_internal.rfm_merge_step, STYPE = internal, SSPACE = 128, FINALFUNC = affinity_internal.rfm_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.rfm_combine, SERIALFUNC = affinity_internal.rfm_serialise, DESERIALFUNC = affinity_internal.rfm_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.rfm(timestamp with time zone, double precision) IS 'Recency, frequency and monetary value of events, as of the latest event';
COMMENT ON AGGREGATE affinity.rfm(timestamp with time zone, double precision, timestamp with time zone) IS 'Recency, frequency and monetary value of events, as of a moment; events after it do not count';
COMMENT ON AGGREGATE affinity.rfm(timestamp without time zone, double precision) IS 'Recency, frequency and monetary value of events, as of the latest event';
COMMENT ON AGGREGATE affinity.rfm(timestamp without time zone, double precision, timestamp without time zone) IS 'Recency, frequency and monetary value of events, as of a moment; events after it do not count';
COMMENT ON AGGREGATE affinity.rfm_state(timestamp with time zone, double precision) IS 'The state of affinity.rfm as bytea: stored by day or fetched from a shard, and joined by affinity.rfm_merge.';
COMMENT ON AGGREGATE affinity.rfm_state(timestamp with time zone, double precision, timestamp with time zone) IS 'The state of affinity.rfm as bytea: stored by day or fetched from a shard, and joined by affinity.rfm_merge.';
COMMENT ON AGGREGATE affinity.rfm_state(timestamp without time zone, double precision) IS 'The state of affinity.rfm as bytea: stored by day or fetched from a shard, and joined by affinity.rfm_merge.';
COMMENT ON AGGREGATE affinity.rfm_state(timestamp without time zone, double precision, timestamp without time zone) IS 'The state of affinity.rfm as bytea: stored by day or fetched from a shard, and joined by affinity.rfm_merge.';
COMMENT ON AGGREGATE affinity.rfm_state(bytea) IS 'Joins states of affinity.rfm into one, of days into a month for instance.';
COMMENT ON AGGREGATE affinity.rfm_merge(bytea) IS 'What affinity.rfm gives for all rows of the states that affinity.rfm_state made of them.';
COMMENT ON FUNCTION affinity_internal.rfm_step(internal, timestamp with time zone, double precision) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_step(internal, timestamp with time zone, double precision, timestamp with time zone) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_step(internal, timestamp without time zone, double precision) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_step(internal, timestamp without time zone, double precision, timestamp without time zone) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_merge_step(internal, bytea) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_combine(internal, internal) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_serialise(internal) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_deserialise(bytea, internal) IS 'Part of the aggregate affinity.rfm.';
COMMENT ON FUNCTION affinity_internal.rfm_final(internal) IS 'Part of the aggregate affinity.rfm.';

CREATE FUNCTION affinity_internal.counts_step(internal, timestamp with time zone, interval[]) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_step_zoned_wrapper' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_step(internal, timestamp with time zone, interval[], timestamp with time zone) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_step_zoned_wrapper' LANGUAGE c STABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_step(internal, timestamp without time zone, interval[]) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_step(internal, timestamp without time zone, interval[], timestamp without time zone) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_merge_step(internal, bytea) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_merge_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'counts_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'counts_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity_internal.counts_final(internal) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'counts_final_wrapper' LANGUAGE c STABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.counts(event_time timestamp with time zone, windows interval[]) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts(event_time timestamp with time zone, windows interval[], as_of timestamp with time zone) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts(event_time timestamp without time zone, windows interval[]) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts(event_time timestamp without time zone, windows interval[], as_of timestamp without time zone) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts_state(event_time timestamp with time zone, windows interval[]) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts_state(event_time timestamp with time zone, windows interval[], as_of timestamp with time zone) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts_state(event_time timestamp without time zone, windows interval[]) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts_state(event_time timestamp without time zone, windows interval[], as_of timestamp without time zone) (
    SFUNC = affinity_internal.counts_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts_state(state bytea) (
    SFUNC = affinity_internal.counts_merge_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_serialise, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.counts_merge(state bytea) (
    SFUNC = affinity_internal.counts_merge_step, STYPE = internal, SSPACE = 256, FINALFUNC = affinity_internal.counts_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity_internal.counts_combine, SERIALFUNC = affinity_internal.counts_serialise, DESERIALFUNC = affinity_internal.counts_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.counts(timestamp with time zone, interval[]) IS 'How many events fall into each of several windows that end at the latest event';
COMMENT ON AGGREGATE affinity.counts(timestamp with time zone, interval[], timestamp with time zone) IS 'How many events fall into each of several windows that end at as_of; events after it do not count';
COMMENT ON AGGREGATE affinity.counts(timestamp without time zone, interval[]) IS 'How many events fall into each of several windows that end at the latest event';
COMMENT ON AGGREGATE affinity.counts(timestamp without time zone, interval[], timestamp without time zone) IS 'How many events fall into each of several windows that end at as_of; events after it do not count';
COMMENT ON AGGREGATE affinity.counts_state(timestamp with time zone, interval[]) IS 'The state of affinity.counts as bytea: stored by day or fetched from a shard, and joined by affinity.counts_merge.';
COMMENT ON AGGREGATE affinity.counts_state(timestamp with time zone, interval[], timestamp with time zone) IS 'The state of affinity.counts as bytea: stored by day or fetched from a shard, and joined by affinity.counts_merge.';
COMMENT ON AGGREGATE affinity.counts_state(timestamp without time zone, interval[]) IS 'The state of affinity.counts as bytea: stored by day or fetched from a shard, and joined by affinity.counts_merge.';
COMMENT ON AGGREGATE affinity.counts_state(timestamp without time zone, interval[], timestamp without time zone) IS 'The state of affinity.counts as bytea: stored by day or fetched from a shard, and joined by affinity.counts_merge.';
COMMENT ON AGGREGATE affinity.counts_state(bytea) IS 'Joins states of affinity.counts into one, of days into a month for instance.';
COMMENT ON AGGREGATE affinity.counts_merge(bytea) IS 'What affinity.counts gives for all rows of the states that affinity.counts_state made of them.';
COMMENT ON FUNCTION affinity_internal.counts_step(internal, timestamp with time zone, interval[]) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_step(internal, timestamp with time zone, interval[], timestamp with time zone) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_step(internal, timestamp without time zone, interval[]) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_step(internal, timestamp without time zone, interval[], timestamp without time zone) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_merge_step(internal, bytea) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_combine(internal, internal) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_serialise(internal) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_deserialise(bytea, internal) IS 'Part of the aggregate affinity.counts.';
COMMENT ON FUNCTION affinity_internal.counts_final(internal) IS 'Part of the aggregate affinity.counts.';

CREATE FUNCTION affinity.sessions(event_time timestamp with time zone, gap interval) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessions_wrapper' LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity.sessions(timestamp with time zone, interval) IS 'The number of an event''s session, from 1, over a window ordered by time: a new one begins after more than a gap without events.';

CREATE FUNCTION affinity.sessions(event_time timestamp without time zone, gap interval) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessions_wrapper' LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION affinity.sessions(timestamp without time zone, interval) IS 'The number of an event''s session, from 1, over a window ordered by time: a new one begins after more than a gap without events.';

CREATE FUNCTION affinity.event_weight(type text, weights jsonb) RETURNS double precision
AS 'MODULE_PATHNAME', 'event_weight_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity.event_weight(text, jsonb) IS 'What an event of a type counts, by an object of weights: {"view": 1, "cart": 3, "purchase": 10}. NULL for a type that is not listed.';

-- ## Recommendations

-- Prototype rows: what recommend and its kin return. A type of one's own with some of these columns serves as well.
CREATE TYPE affinity.recommendation AS (rank integer, item_id bigint, score real, source text, version integer);
COMMENT ON TYPE affinity.recommendation IS 'An entry of a list, for item ids that are integers.';
CREATE TYPE affinity.recommendation_text AS (rank integer, item_id text, score real, source text, version integer);
COMMENT ON TYPE affinity.recommendation_text IS 'An entry of a list, for item ids of any type, as text.';
CREATE TYPE affinity.recommendation_uuid AS (rank integer, item_id uuid, score real, source text, version integer);
COMMENT ON TYPE affinity.recommendation_uuid IS 'An entry of a list, for item ids that are uuid.';
CREATE TYPE affinity.user_recommendation AS (user_id bigint, rank integer, item_id bigint, score real, source text, version integer);
COMMENT ON TYPE affinity.user_recommendation IS 'An entry of a user''s list, for ids that are integers.';
CREATE TYPE affinity.user_recommendation_text AS (user_id text, rank integer, item_id text, score real, source text, version integer);
COMMENT ON TYPE affinity.user_recommendation_text IS 'An entry of a user''s list, for ids of any type, as text.';
CREATE TYPE affinity.user_recommendation_uuid AS (user_id uuid, rank integer, item_id uuid, score real, source text, version integer);
COMMENT ON TYPE affinity.user_recommendation_uuid IS 'An entry of a user''s list, for ids that are uuid.';

CREATE FUNCTION affinity.train_recommender(model text, events regclass, kind text DEFAULT 'auto', user_col name DEFAULT 'user_id',
    item_col name DEFAULT 'item_id', time_col name DEFAULT NULL, weight_col name DEFAULT NULL, event_col name DEFAULT NULL,
    event_weights jsonb DEFAULT NULL, items regclass DEFAULT NULL, params jsonb DEFAULT '{}', seed bigint DEFAULT 0,
    deploy text DEFAULT 'unless_worse')
RETURNS SETOF affinity.training
AS 'MODULE_PATHNAME', 'train_recommender_wrapper' LANGUAGE c COST 1000000 ROWS 1;
COMMENT ON FUNCTION affinity.train_recommender(text, regclass, text, name, name, name, name, name, jsonb, regclass, jsonb, bigint, text) IS
'Learns from events (who, what, when) which items to recommend to whom; a version holds the item side only, a user''s events are read live (users: snapshot in params stores them instead). items describes them, a row an item: category, maker, price.';

-- The user by two functions: "any" takes ids of every type, text also what has none (a literal, a driver's parameter). among and exclude are
-- arrays of item ids, but anycompatible: anycompatiblearray has no default that goes with arrays of every type in the other one.
CREATE FUNCTION affinity.recommend(model text, user_id "any", k bigint DEFAULT 10, exclude_seen boolean DEFAULT NULL,
    among anycompatible DEFAULT NULL, exclude anycompatible DEFAULT NULL, as_type anyelement DEFAULT NULL::affinity.recommendation,
    options jsonb DEFAULT '{}')
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'recommend_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 100000 ROWS 10;
COMMENT ON FUNCTION affinity.recommend(text, "any", bigint, boolean, anycompatible, anycompatible, anyelement, jsonb) IS
'The best k items for a user, from the user''s own events as of this statement; without any, what most users chose, and source says so. exclude_seen leaves out what the user had; NULL: unless the events say that users have items again. options: diversity (0 to 1: items less alike), new_share (0 to 1: the least share that the user never had).';

CREATE FUNCTION affinity.recommend(model text, user_id text, k bigint DEFAULT 10, exclude_seen boolean DEFAULT NULL,
    among anycompatible DEFAULT NULL, exclude anycompatible DEFAULT NULL, as_type anyelement DEFAULT NULL::affinity.recommendation,
    options jsonb DEFAULT '{}')
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'recommend_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 100000 ROWS 10;
COMMENT ON FUNCTION affinity.recommend(text, text, bigint, boolean, anycompatible, anycompatible, anyelement, jsonb) IS
'The best k items for a user whose id is given as text; one that does not fit the type is an unknown user.';

CREATE FUNCTION affinity.recommend_all(model text, k bigint DEFAULT 10, exclude_seen boolean DEFAULT NULL,
    as_type anyelement DEFAULT NULL::affinity.user_recommendation)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'recommend_all_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000000 ROWS 100000;
COMMENT ON FUNCTION affinity.recommend_all(text, bigint, boolean, anyelement) IS
'The best k items for every user that has events: what recommend gives each, from one reading of the events, on all threads of affinity.threads.';

CREATE FUNCTION affinity.recommend_for(model text, items anycompatiblearray, k bigint DEFAULT 10,
    as_type anyelement DEFAULT NULL::affinity.recommendation)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'recommend_for_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION affinity.recommend_for(text, anycompatiblearray, bigint, anyelement) IS
'The best k items for a basket or an anonymous session, oldest item first; the items themselves are left out.';

CREATE FUNCTION affinity.similar_items(model text, item_id anycompatible, k bigint DEFAULT 10,
    as_type anyelement DEFAULT NULL::affinity.recommendation)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'similar_items_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION affinity.similar_items(text, anycompatible, bigint, anyelement) IS
'The k items most like an item, by the model; none for an item that it does not know.';

CREATE FUNCTION affinity.item_vector(model text, item_id anyelement) RETURNS real[]
AS 'MODULE_PATHNAME', 'item_vector_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION affinity.item_vector(text, anyelement) IS
'The vector of an item by a model of kind als, bpr or item_vectors. NULL for an item that the model does not know. pgvector''s types take it by assignment.';

CREATE FUNCTION affinity.item_vector(model text, item_id text) RETURNS real[]
AS 'MODULE_PATHNAME', 'item_vector_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION affinity.item_vector(text, text) IS
'The vector of an item whose id is given as text.';

CREATE FUNCTION affinity.user_vector(model text, user_id anycompatible) RETURNS real[]
AS 'MODULE_PATHNAME', 'user_vector_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION affinity.user_vector(text, anycompatible) IS
'The vector of a user by a model of kind als or bpr, from the user''s own events as of this statement: its product with item_vector is the score. NULL for a user without events that the model knows.';

-- COST: of one user item after item a score is found in about the time of a hundred simple operators; the first of a user takes reading the user's
-- events and milliseconds. As for a user with some hundred items, so that the planner scores what is left after other conditions, joins and limits.
CREATE FUNCTION affinity.score(model text, user_id anycompatible, item_id anyelement, exclude_seen boolean DEFAULT false) RETURNS real
AS 'MODULE_PATHNAME', 'score_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION affinity.score(text, anycompatible, anyelement, boolean) IS
'The score of an item for a user, for ORDER BY ... DESC NULLS LAST beside stock and price: that of recommend, which has the same events. NULL for an item that the model does not know; with exclude_seen also for what the user had (NULL: as recommend leaves it out).';

CREATE FUNCTION affinity.score(model text, user_id anycompatible, item_id text, exclude_seen boolean DEFAULT false) RETURNS real
AS 'MODULE_PATHNAME', 'score_wrapper' LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION affinity.score(text, anycompatible, text, boolean) IS
'The score of an item whose id is given as text, for a user.';

-- ## Rights

-- What ALTER DEFAULT PRIVILEGES gives to others is taken back first: with TRIGGER on a table of the store, or CREATE in a schema, somebody's code would run as
-- the extension's owner.
DO $rights$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT pg_catalog.format('%I', n.nspname) AS what, 'SCHEMA' AS kind, a.grantee
        FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
        WHERE n.nspname OPERATOR(pg_catalog.=) ANY ('{affinity,affinity_internal}') AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner
        UNION SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), 'TABLE', a.grantee
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace, pg_catalog.aclexplode(c.relacl) a
        WHERE n.nspname OPERATOR(pg_catalog.=) 'affinity' AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v}') AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', given.kind, given.what,
            CASE WHEN given.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(given.grantee)) END);
    END LOOP;
END
$rights$;

GRANT USAGE ON SCHEMA affinity, affinity_internal TO PUBLIC;
REVOKE EXECUTE ON FUNCTION affinity_internal.guard_owner() FROM PUBLIC;
-- The database's owner dumps and restores. Never more: with TRIGGER he could run code of his own as the extension's owner.
GRANT SELECT, INSERT ON affinity.stored_models, affinity.stored_versions, affinity.stored_weights, affinity.stored_epochs TO pg_database_owner;
GRANT SELECT ON affinity.models, affinity.versions, affinity.weights, affinity.epochs, affinity.progress TO PUBLIC;
