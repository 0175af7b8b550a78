PRAGMA application_id = 1279872334;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE asset_versions (
	asset_sha256 VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_asset_versions PRIMARY KEY (asset_sha256)
);
INSERT INTO "asset_versions" VALUES('e2f42c7fe57524d22b4206871ecc751cd2d692994e947dcf08d42fcce023f2a0','{"asset_id":"item-000","candidates":{"at_most":8,"first":8},"keep":{"allow_defects":[],"extra":[],"likeness_to":"library","max_likeness":null,"max_rank":null,"min_adherence":null,"min_aesthetic":null,"min_margin":null,"per_asset":1},"layout":{"bleed_box_px":null,"dpi":null,"height_px":16,"safe_box_px":null,"trim_box_px":null,"width_px":16},"negative_prompt":"blurry","picture":{"clip_skip":1,"guidance":4.0,"height_px":16,"min_dpi":null,"print_size":null,"safe_mm":null,"scheduler":"euler","steps":4,"tiles":false,"width_px":16},"prompt":"a item-000 on a table, tavern-items","row":{"subject":"item-000"},"seeds":null,"set_name":"tavern-items","title":"Item-000"}','129515a4abbbddaac458249204062a38665652c83e5fe1938480c4a2a5052d00');
INSERT INTO "asset_versions" VALUES('6baf08bc3e64e03bfbf19d1ed360bac4e15ca37a7f5ea2af4d02949585f72b0b','{"asset_id":"item-001","candidates":{"at_most":8,"first":8},"keep":{"allow_defects":[],"extra":[],"likeness_to":"library","max_likeness":null,"max_rank":null,"min_adherence":null,"min_aesthetic":null,"min_margin":null,"per_asset":1},"layout":{"bleed_box_px":null,"dpi":null,"height_px":16,"safe_box_px":null,"trim_box_px":null,"width_px":16},"negative_prompt":"blurry","picture":{"clip_skip":1,"guidance":4.0,"height_px":16,"min_dpi":null,"print_size":null,"safe_mm":null,"scheduler":"euler","steps":4,"tiles":false,"width_px":16},"prompt":"a item-001 on a table, tavern-items","row":{"subject":"item-001"},"seeds":null,"set_name":"tavern-items","title":"Item-001"}','c73ba73c06bf2844fc5e4deb85727a695ee71c77700eace9ea5846826ac9796d');
INSERT INTO "asset_versions" VALUES('ccea5425b488c27c06e7063c93bb2198d67ed5bd4eff426687138c29884c1d4a','{"asset_id":"item-002","candidates":{"at_most":8,"first":8},"keep":{"allow_defects":[],"extra":[],"likeness_to":"library","max_likeness":null,"max_rank":null,"min_adherence":null,"min_aesthetic":null,"min_margin":null,"per_asset":1},"layout":{"bleed_box_px":null,"dpi":null,"height_px":16,"safe_box_px":null,"trim_box_px":null,"width_px":16},"negative_prompt":"blurry","picture":{"clip_skip":1,"guidance":4.0,"height_px":16,"min_dpi":null,"print_size":null,"safe_mm":null,"scheduler":"euler","steps":4,"tiles":false,"width_px":16},"prompt":"a item-002 on a table, tavern-items","row":{"subject":"item-002"},"seeds":null,"set_name":"tavern-items","title":"Item-002"}','f5f05b6722b24f9d657f288de406f9bd7a50f796fb1e6fd244e4d0f5d3ac82f7');
CREATE TABLE assets (
	set_name VARCHAR(200) NOT NULL, 
	asset_id VARCHAR(200) NOT NULL, 
	asset_sha256 VARCHAR(64) NOT NULL, 
	position INTEGER NOT NULL, 
	in_spec BOOLEAN NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_assets PRIMARY KEY (set_name, asset_id), 
	CONSTRAINT fk_assets_asset_sha256 FOREIGN KEY(asset_sha256) REFERENCES asset_versions (asset_sha256), 
	CONSTRAINT fk_assets_set_name FOREIGN KEY(set_name) REFERENCES sets (set_name)
);
INSERT INTO "assets" VALUES('tavern-items','item-000','e2f42c7fe57524d22b4206871ecc751cd2d692994e947dcf08d42fcce023f2a0',0,1,'241fbd7ebebcca544f6ff8d385aef7cb084f2641a294ca8b1a19a91d2adfedc7');
INSERT INTO "assets" VALUES('tavern-items','item-001','6baf08bc3e64e03bfbf19d1ed360bac4e15ca37a7f5ea2af4d02949585f72b0b',1,1,'a383441ad9d325ee4e3dc0162de32fd6790c6986fcba32a7a06a5c0af4ef2727');
INSERT INTO "assets" VALUES('tavern-items','item-002','ccea5425b488c27c06e7063c93bb2198d67ed5bd4eff426687138c29884c1d4a',2,1,'bccc43870c51e06754aa1a9d3b1e51d6d1d5cb39371673316f509e6604f9992d');
CREATE TABLE candidates (
	candidate_id VARCHAR(32) NOT NULL, 
	set_name VARCHAR(200) NOT NULL, 
	asset_id VARCHAR(200) NOT NULL, 
	job_id VARCHAR(71) NOT NULL, 
	number INTEGER NOT NULL, 
	image_sha256 VARCHAR(64) NOT NULL, 
	asset_sha256 VARCHAR(64) NOT NULL, 
	registration_sha256 VARCHAR(64) NOT NULL, 
	stack_sha256 VARCHAR(64) NOT NULL, 
	provenance_sha256 VARCHAR(64) NOT NULL, 
	seconds DOUBLE NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_candidates PRIMARY KEY (candidate_id), 
	CONSTRAINT ck_candidates_number CHECK (number >= 0), 
	CONSTRAINT fk_candidates_asset_sha256 FOREIGN KEY(asset_sha256) REFERENCES asset_versions (asset_sha256), 
	CONSTRAINT fk_candidates_image_sha256 FOREIGN KEY(image_sha256) REFERENCES images (image_sha256), 
	CONSTRAINT fk_candidates_job_id FOREIGN KEY(job_id) REFERENCES jobs (job_id), 
	CONSTRAINT fk_candidates_registration_sha256 FOREIGN KEY(registration_sha256) REFERENCES registrations (registration_sha256), 
	CONSTRAINT fk_candidates_set_name_asset_id FOREIGN KEY(set_name, asset_id) REFERENCES assets (set_name, asset_id), 
	CONSTRAINT fk_candidates_stack_sha256 FOREIGN KEY(stack_sha256) REFERENCES executions (stack_sha256), 
	CONSTRAINT uq_candidates_set_name_asset_id_job_id UNIQUE (set_name, asset_id, job_id)
);
INSERT INTO "candidates" VALUES('1121a9431cd570dd6c865a42d00c3602','tavern-items','item-000','sha256:316048a0e038ae04b9a55fc418541ae3df23133eddf680380a18da950d9f6edf',0,'19e6a020b5cbbafb54b54fbc50b560f16d78fe66fe0531d23350f00d144a269e','e2f42c7fe57524d22b4206871ecc751cd2d692994e947dcf08d42fcce023f2a0','92e01d9af613fd9246fb4823291ee4562e454c23e34f008f0bc060a1fb740493','5192c13ea79c909ce5368c261e78442498802b86cc738992483736a17f6e8594','876d02d5ca05df45a0234edcd05a96437d04bd07f3145e9254b4c637a0f854cf',0.25,'2026-01-02T03:04:05.000006Z','425314bca2a8268c190ed223d22cc48155578d840d1cbf19babf273a08b32783');
INSERT INTO "candidates" VALUES('1f83a3908e791814929a12dac4418481','tavern-items','item-001','sha256:39c2326971e265c96e055ec1627c975b601c2d98f8dd27670f00601da5906edb',0,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','6baf08bc3e64e03bfbf19d1ed360bac4e15ca37a7f5ea2af4d02949585f72b0b','92e01d9af613fd9246fb4823291ee4562e454c23e34f008f0bc060a1fb740493','5192c13ea79c909ce5368c261e78442498802b86cc738992483736a17f6e8594','dba7eb177211485f69899c19287168326d97c79567f5993e0aab6bd0eeaa355d',0.25,'2026-01-02T03:04:05.000006Z','dc5739bc65de242dafaabae9c82b6c21a446cffb5ea298d2ad0cb0bb915ba041');
CREATE TABLE checkpoints (
	checkpoint_sha256 VARCHAR(64) NOT NULL, 
	weights_id VARCHAR(71) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	value TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_checkpoints PRIMARY KEY (checkpoint_sha256)
);
INSERT INTO "checkpoints" VALUES('726e62e0048f5bef7b79d663961d6ca9a4c8a35ffd7b4aad0d0878ff067682e5','sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126','tiny','{"architecture":"sd1","commercial":true,"files":{"model_index.json":"8950abfda7b727630760dd35bcf5c3daa7631aff223a90f7728c0d2521dde10c","unet/x.safetensors":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},"licence":"CC0-1.0","lineage_known":false,"multiple_px":8,"name":"tiny","native_px":512,"notes":"","parents":["none"],"scorers":{},"source":{"folder":"/models/tiny","repo_id":null,"revision":null},"status":"declared","training_data":[],"trigger_note":"","use_restrictions":[],"weights_id":"sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126"}','ad1405e3393fb6d457215f58156fcbf09240f64ee0e95a7b2a9b8e00a7e97c26');
INSERT INTO "checkpoints" VALUES('395ddb923002c8cee86701f52bb7383acd3a46d8fe19acd5aaecb556b4ab440d','sha256:ef2bbcf402e96f430bfa58937385800933e70263672ac61a83dea6ea5213a696','tiny-head','{"architecture":"aesthetic-head","commercial":true,"files":{"model_index.json":"3f1c93bd544b391b55d4b85ae878404dc876fa79d3e5ce09f96e67c61fbdf532","unet/x.safetensors":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},"licence":"CC0-1.0","lineage_known":false,"multiple_px":8,"name":"tiny-head","native_px":512,"notes":"","parents":["none"],"scorers":{},"source":{"folder":"/models/tiny-head","repo_id":null,"revision":null},"status":"declared","training_data":[],"trigger_note":"","use_restrictions":[],"weights_id":"sha256:ef2bbcf402e96f430bfa58937385800933e70263672ac61a83dea6ea5213a696"}','db2f12330740589d94f3b7c5e312b3e97d1ad476f2f780d2635b42fd796b3c46');
INSERT INTO "checkpoints" VALUES('5cde5dacecfbf35c0411fa251e8d1f1cec7ad82877ca687a1522637b43b06b36','sha256:a78b993f80006ec001c48ed234cde57ff2ea14d7a3cc403455ff79727db5e466','tiny-clip','{"architecture":"open-clip","commercial":true,"files":{"model_index.json":"4e80f426ea30d05de1c1ff34e5d43a25917ddd27df6dce2316e95a428bbbe021","unet/x.safetensors":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},"licence":"CC0-1.0","lineage_known":false,"multiple_px":8,"name":"tiny-clip","native_px":512,"notes":"","parents":["none"],"scorers":{},"source":{"folder":"/models/tiny-clip","repo_id":null,"revision":null},"status":"declared","training_data":[],"trigger_note":"","use_restrictions":[],"weights_id":"sha256:a78b993f80006ec001c48ed234cde57ff2ea14d7a3cc403455ff79727db5e466"}','8a262537d597651a1d0ade86a1194bbb9b8280a6b5701baad6c060f42298e5c0');
CREATE TABLE claims (
	job_id VARCHAR(71) NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_claims PRIMARY KEY (job_id), 
	CONSTRAINT fk_claims_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
CREATE TABLE embeddings (
	image_sha256 VARCHAR(64) NOT NULL, 
	clip_id VARCHAR(200) NOT NULL, 
	dim INTEGER NOT NULL, 
	vector BLOB NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_embeddings PRIMARY KEY (image_sha256, clip_id), 
	CONSTRAINT ck_embeddings_dim CHECK (dim > 0 AND length(vector) = 2 * dim), 
	CONSTRAINT fk_embeddings_image_sha256 FOREIGN KEY(image_sha256) REFERENCES images (image_sha256)
);
INSERT INTO "embeddings" VALUES('19e6a020b5cbbafb54b54fbc50b560f16d78fe66fe0531d23350f00d144a269e','clip-tiny',8,X'06303AB02039B72E49B8C935373D943B','2964a1eff68ae567e1c2f86f20c3570ec8f36d0125b758593b612ebd1413e671');
INSERT INTO "embeddings" VALUES('dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','clip-tiny',8,X'8835933A493536BD3E3B24374CB8A638','c3b1c5ad1ba187d171df3ec29b1698a49748992b469b296feab02c781bff28a5');
CREATE TABLE executions (
	stack_sha256 VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_executions PRIMARY KEY (stack_sha256)
);
INSERT INTO "executions" VALUES('5192c13ea79c909ce5368c261e78442498802b86cc738992483736a17f6e8594','{"batch_size":4,"device":"cpu","device_name":"a tested CPU","dtype":"float32","low_memory":false,"numerics":{},"threads":2,"versions":{"diffusers":"0.42.1","torch":"2.14.1"}}','33ff36b6dbda60e44ce24c7533b5a1785a8550f496e749ffcceeda26d8bdbcb8');
CREATE TABLE images (
	image_sha256 VARCHAR(64) NOT NULL, 
	pixels_sha256 VARCHAR(64) NOT NULL, 
	width_px INTEGER NOT NULL, 
	height_px INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	phash VARCHAR(16) NOT NULL, 
	area VARCHAR(10) NOT NULL, 
	state VARCHAR(7) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY (image_sha256), 
	CONSTRAINT ck_images_area CHECK (area IN ('objects', 'quarantine')), 
	CONSTRAINT ck_images_state CHECK (state IN ('present', 'dropped', 'lost')), 
	CONSTRAINT ck_images_size CHECK (width_px > 0 AND height_px > 0 AND bytes > 0)
);
INSERT INTO "images" VALUES('19e6a020b5cbbafb54b54fbc50b560f16d78fe66fe0531d23350f00d144a269e','b7eb25d8f91c9f5053fa8a38d9cd05d6ca4f3cdd73170bf9b1b1bab0853ed58b',16,16,852,'0000000000000000','objects','present','152c0ba054cbc483e3d00eca0f399afc5f860bf088ae39cfe4827f6db5894ba3');
INSERT INTO "images" VALUES('dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','b02777b4047baad9a5b6569eaace82c0933009eb2399dfbf56abc2477d0c974e',16,16,852,'0000000000000001','objects','present','5cb8c8c69a3d5db4971a879240375200068a7d4a427deb34155356a3a5860cac');
CREATE TABLE jobs (
	job_id VARCHAR(71) NOT NULL, 
	recipe TEXT NOT NULL, 
	weights_id VARCHAR(71) NOT NULL, 
	prompt TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (job_id)
);
INSERT INTO "jobs" VALUES('sha256:316048a0e038ae04b9a55fc418541ae3df23133eddf680380a18da950d9f6edf','{"guidance":4.0,"height_px":16,"negative_prompt":"blurry","prompt":"a item-000 on a table, tavern-items","scheduler":"euler","seed":3654042036,"steps":4,"weights_id":"sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126","width_px":16}','sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126','a item-000 on a table, tavern-items',3654042036,'5495e1e8b484c7d7688071935953a566415a26ae290d87b9340d4b9b30161e50');
INSERT INTO "jobs" VALUES('sha256:39c2326971e265c96e055ec1627c975b601c2d98f8dd27670f00601da5906edb','{"guidance":4.0,"height_px":16,"negative_prompt":"blurry","prompt":"a item-001 on a table, tavern-items","scheduler":"euler","seed":2886172742,"steps":4,"weights_id":"sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126","width_px":16}','sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126','a item-001 on a table, tavern-items',2886172742,'6646cdde7dd973a3301a7e92a24c082aa47f8dede9eb5d646a74037c5c04a763');
CREATE TABLE library (
	id INTEGER NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	writes BIGINT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_library PRIMARY KEY (id), 
	CONSTRAINT ck_library_single CHECK (id = 1)
);
INSERT INTO "library" VALUES(1,'2026-11-22T18:41:27.682203Z',7,'ad35f371e6fb8a32d0a063854e2992f6a1b6a4ba6a33e47b39330fa1f2ddb20a');
CREATE TABLE notes (
	candidate_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	image_sha256 VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	previous_sha256 VARCHAR(64) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_notes PRIMARY KEY (candidate_id, number), 
	CONSTRAINT ck_notes_number CHECK (number >= 1), 
	CONSTRAINT fk_notes_candidate_id FOREIGN KEY(candidate_id) REFERENCES candidates (candidate_id), 
	CONSTRAINT fk_notes_image_sha256 FOREIGN KEY(image_sha256) REFERENCES images (image_sha256)
);
INSERT INTO "notes" VALUES('1f83a3908e791814929a12dac4418481',1,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','mind the bleed','person:ada','2026-11-22T18:41:27.755224Z','','9e8635d47a919fdf054713756b8cc79361732f05d5e0bf7b7cd658a00982a27d');
CREATE TABLE registrations (
	registration_sha256 VARCHAR(64) NOT NULL, 
	set_name VARCHAR(200) NOT NULL, 
	spec_sha256 VARCHAR(64) NOT NULL, 
	checkpoint_sha256 VARCHAR(64) NOT NULL, 
	rights_sha256 VARCHAR(64) NOT NULL, 
	scorers TEXT NOT NULL, 
	path TEXT NOT NULL, 
	git_commit VARCHAR(64), 
	git_dirty BOOLEAN, 
	at VARCHAR(27) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_registrations PRIMARY KEY (registration_sha256), 
	CONSTRAINT fk_registrations_checkpoint_sha256 FOREIGN KEY(checkpoint_sha256) REFERENCES checkpoints (checkpoint_sha256), 
	CONSTRAINT fk_registrations_rights_sha256 FOREIGN KEY(rights_sha256) REFERENCES rights_decisions (rights_sha256), 
	CONSTRAINT fk_registrations_spec_sha256 FOREIGN KEY(spec_sha256) REFERENCES specs (spec_sha256)
);
INSERT INTO "registrations" VALUES('92e01d9af613fd9246fb4823291ee4562e454c23e34f008f0bc060a1fb740493','tavern-items','919cfd0789cf0bad754b706c0bdd324ba826fe10f76bdf84c0233f0fe1e080ec','726e62e0048f5bef7b79d663961d6ca9a4c8a35ffd7b4aad0d0878ff067682e5','5a6825ebc787892d3dd6b08f1dda5d9dba95dd7f0f9736a91fac579a6e66144e','{"aesthetic":"395ddb923002c8cee86701f52bb7383acd3a46d8fe19acd5aaecb556b4ab440d","clip":"5cde5dacecfbf35c0411fa251e8d1f1cec7ad82877ca687a1522637b43b06b36"}','specs/items.yaml','ffffffffffffffffffffffffffffffffffffffff',0,'2026-11-22T18:41:27.688320Z','766f0873c22a381c0b766e9b45933e11276dd5135ef28149459657b26f463c58');
CREATE TABLE rights_decisions (
	rights_sha256 VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_rights_decisions PRIMARY KEY (rights_sha256)
);
INSERT INTO "rights_decisions" VALUES('5a6825ebc787892d3dd6b08f1dda5d9dba95dd7f0f9736a91fac579a6e66144e','{"accepted_reason":"","checkpoint":"tiny","codes":["ok"],"licence":"CC0-1.0","may_export_commercially":true,"may_render":true,"policy_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","reasons":["It is free."],"use":"commercial","weights_id":"sha256:72dafb94259a4d6f74c3ef638c8de4764082c7a56f7fac1cb4470b5378211126"}','6ee7750429256aac2674466fa0e769b3b32c3527577542b7abfe79e25318757c');
CREATE TABLE runs (
	run_id VARCHAR(32) NOT NULL, 
	set_name VARCHAR(200) NOT NULL, 
	spec_sha256 VARCHAR(64) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	finished_at VARCHAR(27), 
	outcome VARCHAR(40), 
	counts TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (run_id)
);
CREATE TABLE scorecards (
	candidate_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	aesthetic DOUBLE, 
	adherence DOUBLE, 
	rank INTEGER, 
	margin DOUBLE, 
	safety VARCHAR(7) NOT NULL, 
	card TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_scorecards PRIMARY KEY (candidate_id, number), 
	CONSTRAINT ck_scorecards_safety CHECK (safety IN ('clear', 'flagged', 'unknown')), 
	CONSTRAINT ck_scorecards_number CHECK (number >= 1), 
	CONSTRAINT fk_scorecards_candidate_id FOREIGN KEY(candidate_id) REFERENCES candidates (candidate_id)
);
INSERT INTO "scorecards" VALUES('1121a9431cd570dd6c865a42d00c3602',1,5.0,0.25,1,0.5,'clear','{"adherence":0.25,"aesthetic":5.0,"defects":[],"extra":{"taste":0.5},"image_sha256":"19e6a020b5cbbafb54b54fbc50b560f16d78fe66fe0531d23350f00d144a269e","margin":0.5,"rank":1,"safety":{"covers":"no sexual content detected","found":[],"scores":{"nudity":-0.1,"special":0.02},"state":"clear","why":""},"scorers":{"aesthetic":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","clip":"clip-tiny","safety":"sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}}','341d65af3d0282f62752a1892823f66b6200716950a46abee93358d02cdd63e5');
INSERT INTO "scorecards" VALUES('1f83a3908e791814929a12dac4418481',1,5.0,0.25,1,0.5,'clear','{"adherence":0.25,"aesthetic":5.0,"defects":[],"extra":{"taste":0.5},"image_sha256":"dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7","margin":0.5,"rank":1,"safety":{"covers":"no sexual content detected","found":[],"scores":{"nudity":-0.1,"special":0.02},"state":"clear","why":""},"scorers":{"aesthetic":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","clip":"clip-tiny","safety":"sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}}','f311d3886e1e5a631c5cc799611f6d9cd92e0d87adc8e1f29eca6040c416970f');
CREATE TABLE searches (
	name VARCHAR(200) NOT NULL, 
	number INTEGER NOT NULL, 
	filter TEXT, 
	author VARCHAR(200) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	previous_sha256 VARCHAR(64) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_searches PRIMARY KEY (name, number), 
	CONSTRAINT ck_searches_number CHECK (number >= 1)
);
INSERT INTO "searches" VALUES('heroes',1,'{"tags":["hero"]}','person:ada','2026-11-22T18:41:27.758767Z','','7b15b7918457e13229ea6c246018ca331eb17d01803d0b7f73bf5f46afe252dc');
CREATE TABLE sets (
	set_name VARCHAR(200) NOT NULL, 
	title TEXT NOT NULL, 
	use VARCHAR(16) NOT NULL, 
	registration_sha256 VARCHAR(64) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_sets PRIMARY KEY (set_name), 
	CONSTRAINT ck_sets_use CHECK (use IN ('commercial', 'noncommercial', 'internal')), 
	CONSTRAINT fk_sets_registration_sha256 FOREIGN KEY(registration_sha256) REFERENCES registrations (registration_sha256)
);
INSERT INTO "sets" VALUES('tavern-items','Items','commercial','92e01d9af613fd9246fb4823291ee4562e454c23e34f008f0bc060a1fb740493','6848087d4512708506f6d20670e16b91b18d560d2b9e5298dd83f8cb643c5ec7');
CREATE TABLE specs (
	spec_sha256 VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	sources TEXT NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_specs PRIMARY KEY (spec_sha256)
);
INSERT INTO "specs" VALUES('919cfd0789cf0bad754b706c0bdd324ba826fe10f76bdf84c0233f0fe1e080ec','set: tavern-items
seed: 1
assets: 3
','[["cards.csv","eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"]]','8909034a9026d6c60fade5203c691c4d26fbec2cebe823038f8d11aebc27f965');
CREATE TABLE tags (
	candidate_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	image_sha256 VARCHAR(64) NOT NULL, 
	tag VARCHAR(200) NOT NULL, 
	added BOOLEAN NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	previous_sha256 VARCHAR(64) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_tags PRIMARY KEY (candidate_id, number), 
	CONSTRAINT ck_tags_number CHECK (number >= 1), 
	CONSTRAINT fk_tags_candidate_id FOREIGN KEY(candidate_id) REFERENCES candidates (candidate_id), 
	CONSTRAINT fk_tags_image_sha256 FOREIGN KEY(image_sha256) REFERENCES images (image_sha256)
);
INSERT INTO "tags" VALUES('1f83a3908e791814929a12dac4418481',1,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','hero',1,'person:ada','2026-11-22T18:41:27.740771Z','','57a357685a442d812eadfbd6c4d9a686b0192b242e7af87e2182f9a22b6821a4');
INSERT INTO "tags" VALUES('1f83a3908e791814929a12dac4418481',2,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','reprint',1,'person:ada','2026-11-22T18:41:27.740806Z','57a357685a442d812eadfbd6c4d9a686b0192b242e7af87e2182f9a22b6821a4','a241b1579269c1b502143969acdd43f54a066984a2f0e80feb4aac1bf843535a');
INSERT INTO "tags" VALUES('1f83a3908e791814929a12dac4418481',3,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7','reprint',0,'person:ada','2026-11-22T18:41:27.748200Z','a241b1579269c1b502143969acdd43f54a066984a2f0e80feb4aac1bf843535a','e8e0778f95a558bffe0a643788f27ed6ef557437850439d4fd885ad9e9eaf197');
CREATE TABLE verdicts (
	candidate_id VARCHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	image_sha256 VARCHAR(64) NOT NULL, 
	keep BOOLEAN NOT NULL, 
	by_person BOOLEAN NOT NULL, 
	reasons TEXT NOT NULL, 
	decided_by VARCHAR(200) NOT NULL, 
	policy_sha256 VARCHAR(64) NOT NULL, 
	note TEXT NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	previous_sha256 VARCHAR(64) NOT NULL, 
	row_sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_verdicts PRIMARY KEY (candidate_id, number), 
	CONSTRAINT ck_verdicts_number CHECK (number >= 1), 
	CONSTRAINT fk_verdicts_candidate_id FOREIGN KEY(candidate_id) REFERENCES candidates (candidate_id), 
	CONSTRAINT fk_verdicts_image_sha256 FOREIGN KEY(image_sha256) REFERENCES images (image_sha256)
);
INSERT INTO "verdicts" VALUES('1121a9431cd570dd6c865a42d00c3602',1,'19e6a020b5cbbafb54b54fbc50b560f16d78fe66fe0531d23350f00d144a269e',1,0,'[]','policy','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','','2026-01-02T03:04:05.000006Z','','0f3a4bfd964a49739cf6908bcb7c9388bc4201b05c424523bbddcde17180e6a2');
INSERT INTO "verdicts" VALUES('1f83a3908e791814929a12dac4418481',1,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7',1,0,'[]','policy','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','','2026-01-02T03:04:05.000006Z','','8accf7763ee5569d55d3cc29f7beb95ee2044eb806f97ab65456246a0c301082');
INSERT INTO "verdicts" VALUES('1f83a3908e791814929a12dac4418481',2,'dde7e3f854684ba40937428f449d437e339a3ea0b1fc22562f95030135d331f7',1,1,'[]','person:ada','','the handle!','2026-01-02T03:04:05.000006Z','8accf7763ee5569d55d3cc29f7beb95ee2044eb806f97ab65456246a0c301082','375f1a2092ba605e4cca692ccc96296003f2137a90920661e41fdf32ce3ee99d');
CREATE INDEX ix_checkpoints_weights_id ON checkpoints (weights_id);
CREATE INDEX ix_runs_set_name ON runs (set_name);
CREATE INDEX ix_candidates_image_sha256 ON candidates (image_sha256);
CREATE INDEX ix_candidates_job_id ON candidates (job_id);
CREATE TRIGGER verdicts_refuse_update BEFORE UPDATE ON verdicts BEGIN SELECT RAISE(ABORT, 'verdicts are only ever appended'); END;
CREATE TRIGGER verdicts_refuse_delete BEFORE DELETE ON verdicts BEGIN SELECT RAISE(ABORT, 'verdicts are only ever appended'); END;
CREATE TRIGGER scorecards_refuse_update BEFORE UPDATE ON scorecards BEGIN SELECT RAISE(ABORT, 'scorecards are only ever appended'); END;
CREATE TRIGGER scorecards_refuse_delete BEFORE DELETE ON scorecards BEGIN SELECT RAISE(ABORT, 'scorecards are only ever appended'); END;
CREATE INDEX ix_tags_tag ON tags (tag);
CREATE TRIGGER tags_refuse_update BEFORE UPDATE ON tags BEGIN SELECT RAISE(ABORT, 'tags are only ever appended'); END;
CREATE TRIGGER tags_refuse_delete BEFORE DELETE ON tags BEGIN SELECT RAISE(ABORT, 'tags are only ever appended'); END;
CREATE TRIGGER notes_refuse_update BEFORE UPDATE ON notes BEGIN SELECT RAISE(ABORT, 'notes are only ever appended'); END;
CREATE TRIGGER notes_refuse_delete BEFORE DELETE ON notes BEGIN SELECT RAISE(ABORT, 'notes are only ever appended'); END;
CREATE TRIGGER searches_refuse_update BEFORE UPDATE ON searches BEGIN SELECT RAISE(ABORT, 'searches are only ever appended'); END;
CREATE TRIGGER searches_refuse_delete BEFORE DELETE ON searches BEGIN SELECT RAISE(ABORT, 'searches are only ever appended'); END;
CREATE INDEX ix_verdicts_candidate_id_image_sha256_number ON verdicts (candidate_id, image_sha256, number) WHERE by_person = 1;
COMMIT;
