-- A stranger calls by hand what the extension calls by itself, with any arguments, and uses its trigger function on a table of his own.

-- as mallory
-- expect: 42501
CREATE TABLE mal.t (name text, owner text, owner_oid oid); CREATE TRIGGER g BEFORE INSERT ON mal.t FOR EACH ROW EXECUTE FUNCTION affinity_internal.guard_owner();

SELECT affinity_internal.owns(0), affinity_internal.owns(10), affinity_internal.owns(4294967295);

SELECT affinity_internal.may_use(0, '{public}', '{}'), affinity_internal.may_use(0, '{public}', '{0}'), affinity_internal.may_use(0, ARRAY[NULL, 'x'], ARRAY[NULL, 10]::oid[]), affinity_internal.may_use(10, '{{a,b},{c,d}}', '{{1,2},{3,4}}');

SELECT affinity_internal.weight_values('f32', '\x00'), affinity_internal.weight_values('', '\x'), affinity_internal.weight_values(repeat('f', 100000), '\x00000000');

SELECT affinity_internal.weight_values('f32', '\x0000'); 

SELECT affinity_internal.weight_values('f16', '\x000000');

SELECT affinity_internal.weight_values('u8', '\x00ff');

SELECT affinity_internal.guard_owner();

SELECT affinity.row_support(NULL);

SELECT affinity.auc_step(NULL, 1, true);

SELECT affinity.auc_final(NULL);

SELECT affinity.auc_deserialise('\x00', NULL);

SELECT affinity.auc_combine(NULL, NULL);

SELECT affinity.auc_serialise(NULL);

SELECT f.oid::regprocedure FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace AND n.nspname LIKE 'affinity%' WHERE f.prosecdef;

-- Everything that takes no internal is called with NULL and with nonsense; the session must outlive it.
DO $$ DECLARE f record; v text; BEGIN FOR f IN SELECT p.oid, n.nspname, p.proname, p.proargtypes::oid[] AS types, p.provariadic FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname LIKE 'affinity%' AND p.prokind = 'f' AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[]) AND p.prorettype <> 'trigger'::regtype LOOP FOREACH v IN ARRAY ARRAY['NULL', '''{}''', '''1''', '''-9223372036854775808''', '''x'''] LOOP BEGIN EXECUTE format('SELECT * FROM %I.%I(%s) LIMIT 3', f.nspname, f.proname, (SELECT string_agg(CASE WHEN t IN ('anycompatible'::regtype, 'anyelement'::regtype, 'any'::regtype) THEN '1' WHEN t IN ('anyarray'::regtype, 'anycompatiblearray'::regtype) THEN 'ARRAY[1]' WHEN t = 'record'::regtype THEN 'ROW(1)' ELSE v || '::' || format_type(t, NULL) END, ', ' ORDER BY o) FROM unnest(f.types) WITH ORDINALITY u(t, o))); EXCEPTION WHEN OTHERS THEN END; END LOOP; END LOOP; END $$;

-- expect: ok
SELECT 1;
