-- A model of another's is to a stranger as one that is not there: one SQLSTATE and one message, from every function; and its training does not block his.

-- as ann
SELECT affinity.train_recommender('hers', 'shop.events', kind => 'transition', time_col => 'at');

-- as mallory
-- expect: 42704 model "hers" does not exist
SELECT * FROM affinity.recommend('hers', 2);

-- expect: 42704 model "none" does not exist
SELECT * FROM affinity.recommend('none', 2);

-- expect: 42704 model "hers" does not exist
SELECT * FROM affinity.recommend_all('hers');

-- expect: 42704 model "hers" does not exist
SELECT affinity.retrain('hers');

-- expect: 42704 model "hers" does not exist
SELECT affinity.drop_model('hers');

-- expect: 42704 model "hers" does not exist
SELECT affinity.deploy('hers', 1);

-- expect: 42704 model "hers" does not exist
SELECT affinity.rollback('hers');

-- expect: 42704 model "hers" does not exist
SELECT affinity.drop_version('hers', 1);

-- expect: 42704 model "hers" does not exist
SELECT affinity.grant_model('hers', 'mallory');

-- expect: 42704 model "hers" does not exist
SELECT affinity.revoke_model('hers', 'mallory');

-- expect: 42704 model "hers" does not exist
SELECT affinity.alter_owner('hers', 'mallory');

-- expect: 42704 model "hers" does not exist
SELECT affinity.report('hers');

-- expect: 42704 model "hers" does not exist
SELECT * FROM affinity.evaluate('hers');

-- expect: 42704 model "hers" does not exist
SELECT * FROM affinity.compare(ARRAY['hers'], 'shop.events');

-- expect: 42704 model "hers" does not exist
SELECT affinity.score('hers', 2::bigint, 4::bigint);

-- expect: 42704 model "hers" does not exist
SELECT * FROM affinity.similar_items('hers', 2::bigint);

-- expect: 42704 model "hers" does not exist
SELECT affinity.generate('hers', 1);

-- expect: none
SELECT * FROM affinity.check();

-- expect: none
SELECT * FROM affinity.models;

-- expect: none
SELECT * FROM affinity.versions;

-- expect: none
SELECT * FROM affinity.weights;

-- expect: none
SELECT * FROM affinity.epochs;
