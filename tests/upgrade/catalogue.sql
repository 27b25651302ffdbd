-- All that the catalogue says of the extension, a line a thing: without oids and without the database's own, so that two databases can be held against each other.
WITH ours AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'pg_affinity'
    WHERE d.deptype = 'e'),
  relations AS (SELECT c.* FROM pg_class c JOIN ours ON classid = 'pg_class'::regclass AND objid = c.oid)
SELECT jsonb_build_array('extension', extversion, extrelocatable, extnamespace::regnamespace, extowner::regrole, ARRAY(SELECT c::regclass::text FROM unnest(extconfig) c), extcondition,
    obj_description(oid, 'pg_extension'))::text AS line FROM pg_extension WHERE extname = 'pg_affinity'
UNION ALL SELECT jsonb_build_array('member', i.type, i.identity)::text FROM ours, pg_identify_object(classid, objid, 0) i
UNION ALL SELECT jsonb_build_array('schema', nspname, nspowner::regrole, nspacl, obj_description(n.oid, 'pg_namespace'))::text
  FROM pg_namespace n JOIN ours ON classid = 'pg_namespace'::regclass AND objid = n.oid
UNION ALL SELECT jsonb_build_array('function', p.oid::regprocedure, prokind, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), lanname, provolatile, proparallel,
    proisstrict, prosecdef, proleakproof, procost, prorows, prosupport::regproc, prosrc, probin, proconfig, pg_get_function_sqlbody(p.oid), proowner::regrole, proacl,
    obj_description(p.oid, 'pg_proc'), aggkind, aggnumdirectargs, aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn,
    aggfinalextra, aggfinalmodify, aggsortop::regoperator, aggtranstype::regtype, aggtransspace, agginitval)::text
  FROM pg_proc p JOIN ours ON classid = 'pg_proc'::regclass AND objid = p.oid JOIN pg_language l ON l.oid = prolang LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
UNION ALL SELECT jsonb_build_array('type', format_type(t.oid, NULL), typtype, typcategory, typnotnull, typbasetype::regtype, typdefault, typowner::regrole, typacl,
    ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder), obj_description(t.oid, 'pg_type'))::text
  FROM pg_type t JOIN ours ON classid = 'pg_type'::regclass AND objid = t.oid
UNION ALL SELECT jsonb_build_array('relation', oid::regclass, relkind, relpersistence, relreplident, relrowsecurity, relforcerowsecurity, reloptions, relowner::regrole, relacl,
    CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END, obj_description(oid, 'pg_class'))::text FROM relations
UNION ALL SELECT jsonb_build_array('column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attstorage, attcompression,
    attidentity, attgenerated, attacl, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))::text
  FROM pg_attribute a JOIN relations r ON r.oid = attrelid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum WHERE attnum > 0 AND NOT attisdropped
UNION ALL SELECT jsonb_build_array('constraint', conrelid::regclass, conname, contype, pg_get_constraintdef(c.oid), convalidated)::text
  FROM pg_constraint c JOIN relations r ON r.oid = conrelid
UNION ALL SELECT jsonb_build_array('index', pg_get_indexdef(indexrelid), indisreplident)::text FROM pg_index i JOIN relations r ON r.oid = indrelid
UNION ALL SELECT jsonb_build_array('trigger', pg_get_triggerdef(t.oid), tgenabled)::text FROM pg_trigger t JOIN relations r ON r.oid = tgrelid WHERE NOT tgisinternal
UNION ALL SELECT jsonb_build_array('rule', pg_get_ruledef(u.oid))::text FROM pg_rewrite u JOIN relations r ON r.oid = ev_class
UNION ALL SELECT jsonb_build_array('policy', polrelid::regclass, polname)::text FROM pg_policy JOIN relations r ON r.oid = polrelid
-- What pg_dump takes for given.
UNION ALL SELECT jsonb_build_array('privileges', i.type, i.identity, initprivs, privtype)::text
  FROM pg_init_privs p JOIN ours o ON o.classid = p.classoid AND o.objid = p.objoid, pg_identify_object(p.classoid, p.objoid, p.objsubid) i
ORDER BY 1
