\echo Use "CREATE EXTENSION pg_affinity" to load this file. \quit

-- The SQL face of pg_affinity 0.1.0, by chapter. Every function's symbol is `<name>_wrapper` in the library; tests/signatures.rs holds
-- the signatures here against it. Everything is qualified and nothing is replaced: the schema may belong to somebody else.

-- ## The schema and the version

GRANT USAGE ON SCHEMA affinity TO PUBLIC;

CREATE FUNCTION affinity.version() RETURNS text
AS 'MODULE_PATHNAME', 'version_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION affinity.version() IS 'The version of the library that is loaded.';

-- ## The store

-- ## Training

-- ## Models

-- ## Scoring rows

-- ## Quality

-- Rows with a NULL do not count. Labels are boolean, or numbers that are 0 or 1.

CREATE FUNCTION affinity.auc_step(internal, double precision, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.auc_step_number(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_step_number_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.auc_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.auc_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'auc_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.auc_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'auc_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.auc_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'auc_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.auc(score double precision, label boolean) (
    SFUNC = affinity.auc_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity.auc_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.auc_combine, SERIALFUNC = affinity.auc_serialise, DESERIALFUNC = affinity.auc_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.auc(score double precision, label double precision) (
    SFUNC = affinity.auc_step_number, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity.auc_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.auc_combine, SERIALFUNC = affinity.auc_serialise, DESERIALFUNC = affinity.auc_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.auc(double precision, boolean) IS 'Area under the ROC curve: the chance that a positive row scores above a negative one. NULL where one class is missing.';
COMMENT ON AGGREGATE affinity.auc(double precision, double precision) IS 'Area under the ROC curve: the chance that a positive row scores above a negative one. NULL where one class is missing. The label is 0 or 1.';

CREATE FUNCTION affinity.average_precision_step(internal, double precision, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.average_precision_step_number(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_step_number_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.average_precision_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.average_precision_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'average_precision_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.average_precision_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'average_precision_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.average_precision_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'average_precision_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.average_precision(score double precision, label boolean) (
    SFUNC = affinity.average_precision_step, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity.average_precision_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.average_precision_combine, SERIALFUNC = affinity.average_precision_serialise, DESERIALFUNC = affinity.average_precision_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.average_precision(score double precision, label double precision) (
    SFUNC = affinity.average_precision_step_number, STYPE = internal, SSPACE = 16384, FINALFUNC = affinity.average_precision_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.average_precision_combine, SERIALFUNC = affinity.average_precision_serialise, DESERIALFUNC = affinity.average_precision_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.average_precision(double precision, boolean) IS 'Mean of the precision at each positive row, best scores first.';
COMMENT ON AGGREGATE affinity.average_precision(double precision, double precision) IS 'Mean of the precision at each positive row, best scores first. The label is 0 or 1.';

CREATE FUNCTION affinity.log_loss_step(internal, double precision, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.log_loss_step_number(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_step_number_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.log_loss_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.log_loss_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'log_loss_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.log_loss_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'log_loss_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.log_loss_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'log_loss_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.log_loss(score double precision, label boolean) (
    SFUNC = affinity.log_loss_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.log_loss_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.log_loss_combine, SERIALFUNC = affinity.log_loss_serialise, DESERIALFUNC = affinity.log_loss_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.log_loss(score double precision, label double precision) (
    SFUNC = affinity.log_loss_step_number, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.log_loss_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.log_loss_combine, SERIALFUNC = affinity.log_loss_serialise, DESERIALFUNC = affinity.log_loss_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.log_loss(double precision, boolean) IS 'Mean of the negative logarithm of the probability given to what happened; smaller is better.';
COMMENT ON AGGREGATE affinity.log_loss(double precision, double precision) IS 'Mean of the negative logarithm of the probability given to what happened; smaller is better. The label is 0 or 1.';

CREATE FUNCTION affinity.brier_step(internal, double precision, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.brier_step_number(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_step_number_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.brier_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.brier_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'brier_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.brier_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'brier_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.brier_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'brier_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.brier(score double precision, label boolean) (
    SFUNC = affinity.brier_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.brier_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.brier_combine, SERIALFUNC = affinity.brier_serialise, DESERIALFUNC = affinity.brier_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.brier(score double precision, label double precision) (
    SFUNC = affinity.brier_step_number, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.brier_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.brier_combine, SERIALFUNC = affinity.brier_serialise, DESERIALFUNC = affinity.brier_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.brier(double precision, boolean) IS 'Mean squared difference of probability and outcome; smaller is better.';
COMMENT ON AGGREGATE affinity.brier(double precision, double precision) IS 'Mean squared difference of probability and outcome; smaller is better. The label is 0 or 1.';

CREATE FUNCTION affinity.accuracy_step(internal, double precision, boolean) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.accuracy_step_number(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_number_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.accuracy_step_class(internal, text, text) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_step_class_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.accuracy_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.accuracy_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'accuracy_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.accuracy_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'accuracy_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.accuracy_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'accuracy_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.accuracy(score double precision, label boolean) (
    SFUNC = affinity.accuracy_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.accuracy_combine, SERIALFUNC = affinity.accuracy_serialise, DESERIALFUNC = affinity.accuracy_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.accuracy(score double precision, label double precision) (
    SFUNC = affinity.accuracy_step_number, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.accuracy_combine, SERIALFUNC = affinity.accuracy_serialise, DESERIALFUNC = affinity.accuracy_deserialise, PARALLEL = SAFE);
CREATE AGGREGATE affinity.accuracy(predicted text, actual text) (
    SFUNC = affinity.accuracy_step_class, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.accuracy_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.accuracy_combine, SERIALFUNC = affinity.accuracy_serialise, DESERIALFUNC = affinity.accuracy_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.accuracy(double precision, boolean) IS 'Share of rows whose outcome is the predicted one: a probability predicts the positive class from one half on.';
COMMENT ON AGGREGATE affinity.accuracy(double precision, double precision) IS 'Share of rows whose outcome is the predicted one: a probability predicts the positive class from one half on. The label is 0 or 1.';
COMMENT ON AGGREGATE affinity.accuracy(text, text) IS 'Share of rows whose class is the predicted one.';

CREATE FUNCTION affinity.rmse_step(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.rmse_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.rmse_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'rmse_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.rmse_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'rmse_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.rmse_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'rmse_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.rmse(predicted double precision, actual double precision) (
    SFUNC = affinity.rmse_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.rmse_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.rmse_combine, SERIALFUNC = affinity.rmse_serialise, DESERIALFUNC = affinity.rmse_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.rmse(double precision, double precision) IS 'Root of the mean squared error.';

CREATE FUNCTION affinity.mae_step(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.mae_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.mae_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'mae_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.mae_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'mae_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.mae_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'mae_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.mae(predicted double precision, actual double precision) (
    SFUNC = affinity.mae_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.mae_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.mae_combine, SERIALFUNC = affinity.mae_serialise, DESERIALFUNC = affinity.mae_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.mae(double precision, double precision) IS 'Mean absolute error.';

CREATE FUNCTION affinity.r2_step(internal, double precision, double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_step_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.r2_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_combine_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION affinity.r2_serialise(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'r2_serialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.r2_deserialise(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'r2_deserialise_wrapper' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION affinity.r2_final(internal) RETURNS double precision
AS 'MODULE_PATHNAME', 'r2_final_wrapper' LANGUAGE c IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE affinity.r2(predicted double precision, actual double precision) (
    SFUNC = affinity.r2_step, STYPE = internal, SSPACE = 64, FINALFUNC = affinity.r2_final, FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = affinity.r2_combine, SERIALFUNC = affinity.r2_serialise, DESERIALFUNC = affinity.r2_deserialise, PARALLEL = SAFE);
COMMENT ON AGGREGATE affinity.r2(double precision, double precision) IS 'Coefficient of determination: 1 is perfect, 0 is no better than the mean. NULL where the actual values do not vary.';

COMMENT ON FUNCTION affinity.auc_combine(internal, internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity.auc_serialise(internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity.auc_deserialise(bytea, internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity.auc_final(internal) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity.auc_step(internal, double precision, boolean) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity.auc_step_number(internal, double precision, double precision) IS 'Part of the aggregate affinity.auc.';
COMMENT ON FUNCTION affinity.average_precision_combine(internal, internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity.average_precision_serialise(internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity.average_precision_deserialise(bytea, internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity.average_precision_final(internal) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity.average_precision_step(internal, double precision, boolean) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity.average_precision_step_number(internal, double precision, double precision) IS 'Part of the aggregate affinity.average_precision.';
COMMENT ON FUNCTION affinity.log_loss_combine(internal, internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity.log_loss_serialise(internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity.log_loss_deserialise(bytea, internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity.log_loss_final(internal) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity.log_loss_step(internal, double precision, boolean) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity.log_loss_step_number(internal, double precision, double precision) IS 'Part of the aggregate affinity.log_loss.';
COMMENT ON FUNCTION affinity.brier_combine(internal, internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity.brier_serialise(internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity.brier_deserialise(bytea, internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity.brier_final(internal) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity.brier_step(internal, double precision, boolean) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity.brier_step_number(internal, double precision, double precision) IS 'Part of the aggregate affinity.brier.';
COMMENT ON FUNCTION affinity.accuracy_combine(internal, internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.accuracy_serialise(internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.accuracy_deserialise(bytea, internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.accuracy_final(internal) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.accuracy_step(internal, double precision, boolean) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.accuracy_step_number(internal, double precision, double precision) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.accuracy_step_class(internal, text, text) IS 'Part of the aggregate affinity.accuracy.';
COMMENT ON FUNCTION affinity.rmse_combine(internal, internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity.rmse_serialise(internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity.rmse_deserialise(bytea, internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity.rmse_final(internal) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity.rmse_step(internal, double precision, double precision) IS 'Part of the aggregate affinity.rmse.';
COMMENT ON FUNCTION affinity.mae_combine(internal, internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity.mae_serialise(internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity.mae_deserialise(bytea, internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity.mae_final(internal) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity.mae_step(internal, double precision, double precision) IS 'Part of the aggregate affinity.mae.';
COMMENT ON FUNCTION affinity.r2_combine(internal, internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity.r2_serialise(internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity.r2_deserialise(bytea, internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity.r2_final(internal) IS 'Part of the aggregate affinity.r2.';
COMMENT ON FUNCTION affinity.r2_step(internal, double precision, double precision) IS 'Part of the aggregate affinity.r2.';

-- ## Recommendations
