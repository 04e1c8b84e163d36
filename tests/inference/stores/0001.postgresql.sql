
CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE gradings (
    seq bigint NOT NULL,
    verdict_id character varying(128) NOT NULL,
    capture_id character varying(128) NOT NULL,
    item_id character varying(128) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    graded_at timestamp with time zone NOT NULL,
    facts text NOT NULL,
    verdict text NOT NULL
);

CREATE SEQUENCE gradings_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE gradings_seq_seq OWNED BY gradings.seq;

CREATE TABLE items (
    seq bigint NOT NULL,
    item_id character varying(128) NOT NULL,
    status character varying(32) NOT NULL,
    grade character varying(32),
    lane character varying(200),
    ending character varying(32)
);

CREATE SEQUENCE items_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE items_seq_seq OWNED BY items.seq;

CREATE TABLE outcomes (
    seq bigint NOT NULL,
    outcome_id character varying(128) NOT NULL,
    line_id character varying(128) NOT NULL,
    item_id character varying(128),
    lane character varying(200),
    ending character varying(32) NOT NULL,
    rule character varying(200) NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    outcome text NOT NULL
);

CREATE SEQUENCE outcomes_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE outcomes_seq_seq OWNED BY outcomes.seq;

CREATE TABLE overrides (
    seq bigint NOT NULL,
    override_id character varying(128) NOT NULL,
    item_id character varying(128) NOT NULL,
    grade character varying(32),
    operator character varying(80) NOT NULL,
    note character varying(500) NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE SEQUENCE overrides_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE overrides_seq_seq OWNED BY overrides.seq;

CREATE TABLE totals (
    line_id character varying(128) NOT NULL,
    lane character varying(200) NOT NULL,
    ending character varying(32) NOT NULL,
    rule character varying(200) NOT NULL,
    number bigint NOT NULL
);

ALTER TABLE ONLY gradings ALTER COLUMN seq SET DEFAULT nextval('gradings_seq_seq'::regclass);

ALTER TABLE ONLY items ALTER COLUMN seq SET DEFAULT nextval('items_seq_seq'::regclass);

ALTER TABLE ONLY outcomes ALTER COLUMN seq SET DEFAULT nextval('outcomes_seq_seq'::regclass);

ALTER TABLE ONLY overrides ALTER COLUMN seq SET DEFAULT nextval('overrides_seq_seq'::regclass);

INSERT INTO alembic_version VALUES ('0001');

INSERT INTO gradings VALUES (1, 'v-051303047f0a4f85902c9aa588f02ff3', 'cap-0', 'R-0', '96c5a643cc94928b377b69ca288d933addb54bbc22b55db65d15a7d7c8fc0427', '2026-11-30 20:25:09.253087+00', '{"item_id":"R-0","category":"parcel"}', '{"grade":"repairable","probabilities":{"new":0.17265249970802865,"lightly_used":0.5018629318059153,"repairable":0.24944405132436154,"salvage":0.07604051716169447},"prediction_set":["lightly_used","repairable"],"expected_cost":1.9224574139290287,"damage_probabilities":{"dent":0.16085305748453013,"scratch":0.8835867208942847,"broken":0.01565538718845229,"crack":0.12520119834082696,"tear":0.1207421349029875,"stain":0.45907731191786627,"missing_part":0.10540057291918244},"damages":[{"type":"scratch","probability":0.6294286251068115,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.35714285714285715,"x_max":0.42857142857142855,"y_max":0.39285714285714285}},{"type":"scratch","probability":0.9779374599456787,"view":0,"box":{"x_min":0.32142857142857145,"y_min":0.4642857142857143,"x_max":0.6785714285714286,"y_max":0.75}},{"type":"scratch","probability":0.512569785118103,"view":0,"box":{"x_min":0.25,"y_min":0.7142857142857143,"x_max":0.2857142857142857,"y_max":0.75}},{"type":"stain","probability":0.675281286239624,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.4642857142857143,"x_max":0.5357142857142857,"y_max":0.5714285714285714}},{"type":"stain","probability":0.7445387244224548,"view":0,"box":{"x_min":0.25,"y_min":0.6428571428571429,"x_max":0.6785714285714286,"y_max":0.75}},{"type":"missing_part","probability":0.10438516736030579,"view":0,"box":{"x_min":0.4642857142857143,"y_min":0.35714285714285715,"x_max":0.5,"y_max":0.39285714285714285}},{"type":"missing_part","probability":0.19401496648788452,"view":0,"box":{"x_min":0.21428571428571427,"y_min":0.39285714285714285,"x_max":0.39285714285714285,"y_max":0.5357142857142857}},{"type":"missing_part","probability":0.0792941153049469,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.5,"x_max":0.42857142857142855,"y_max":0.5357142857142857}},{"type":"missing_part","probability":0.0871674120426178,"view":0,"box":{"x_min":0.25,"y_min":0.5357142857142857,"x_max":0.2857142857142857,"y_max":0.5714285714285714}},{"type":"missing_part","probability":0.26085230708122253,"view":0,"box":{"x_min":0.17857142857142858,"y_min":0.6071428571428571,"x_max":0.6785714285714286,"y_max":0.7857142857142857}}],"unfamiliarity":0.5062287449836731,"quality":[{"brightness":0.27946004271507263,"sharpness":0.0010132078314200044,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-051303047f0a4f85902c9aa588f02ff3","capture_id":"cap-0","item_id":"R-0","graded_at":"2026-11-30T20:25:09.253087Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["9d8bdc49f32ac04390aa016f806cded765d01ee6652e703209011d1fc214b8e4"],"timings":{"decode_ms":17.9,"queue_ms":1.768,"model_ms":49.516,"total_ms":71.371}}');
INSERT INTO gradings VALUES (2, 'v-bb23e04971344ce2b3b886601d5d8158', 'cap-1', 'R-1', '031f3251e4aa776c9b4a4d58d5a63bf0d111f2cca93000248701eaac021efaf1', '2026-11-30 20:25:09.541053+00', '{"item_id":"R-1","category":"parcel"}', '{"grade":"repairable","probabilities":{"new":0.2282982463245511,"lightly_used":0.23060973206393398,"repairable":0.40277127049805717,"salvage":0.1383207511134578},"prediction_set":["lightly_used","repairable"],"expected_cost":1.7893747027664457,"damage_probabilities":{"dent":0.08562567138464709,"scratch":0.7683773940573708,"broken":0.04013028920761483,"crack":0.26179669947494055,"tear":0.08151756027691558,"stain":0.2920052534272136,"missing_part":0.06043708674392191},"damages":[{"type":"scratch","probability":0.9467459321022034,"view":0,"box":{"x_min":0.5,"y_min":0.6071428571428571,"x_max":0.6785714285714286,"y_max":0.75}},{"type":"scratch","probability":0.8052967190742493,"view":0,"box":{"x_min":0.2857142857142857,"y_min":0.6785714285714286,"x_max":0.4642857142857143,"y_max":0.75}},{"type":"scratch","probability":0.4497966170310974,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.7857142857142857,"x_max":0.39285714285714285,"y_max":0.8214285714285714}},{"type":"stain","probability":0.5358431339263916,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.6785714285714286,"x_max":0.4642857142857143,"y_max":0.75}},{"type":"stain","probability":0.6061468720436096,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.6785714285714286,"x_max":0.6428571428571429,"y_max":0.75}},{"type":"missing_part","probability":0.08721378445625305,"view":0,"box":{"x_min":0.21428571428571427,"y_min":0.6785714285714286,"x_max":0.25,"y_max":0.7142857142857143}},{"type":"missing_part","probability":0.10470476746559143,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.6785714285714286,"x_max":0.4642857142857143,"y_max":0.7142857142857143}},{"type":"missing_part","probability":0.1806005835533142,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.6785714285714286,"x_max":0.75,"y_max":0.75}},{"type":"missing_part","probability":0.10105141997337341,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.7857142857142857,"x_max":0.42857142857142855,"y_max":0.8214285714285714}}],"unfamiliarity":0.3780648410320282,"quality":[{"brightness":0.26986849308013916,"sharpness":0.0014327088138088584,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-bb23e04971344ce2b3b886601d5d8158","capture_id":"cap-1","item_id":"R-1","graded_at":"2026-11-30T20:25:09.541053Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["88a3dc8a3330b7cc0504ef465d41af09a95a4a7f7741772898c1abd049bc922f"],"timings":{"decode_ms":25.231,"queue_ms":0.539,"model_ms":69.994,"total_ms":96.431}}');
INSERT INTO gradings VALUES (3, 'v-b7238c81bb694b418c40b018dc3477aa', 'cap-2', 'R-2', '0f76f4a26207781b9aa5ed65b8842b83bbad9a58957b3dada764c40de0579fbe', '2026-11-30 20:25:09.842157+00', '{"item_id":"R-2","category":"parcel"}', '{"grade":"repairable","probabilities":{"new":0.17481005347294798,"lightly_used":0.2125807319830536,"repairable":0.2965336667221505,"salvage":0.31607554782184794},"prediction_set":["repairable","salvage"],"expected_cost":2.072628321323443,"damage_probabilities":{"dent":0.15093188419749262,"scratch":0.5350506904148086,"broken":0.019371164587134677,"crack":0.1174684565191573,"tear":0.07711286189486033,"stain":0.15634577803361113,"missing_part":0.0732075122798314},"damages":[{"type":"scratch","probability":0.732249915599823,"view":0,"box":{"x_min":0.6071428571428571,"y_min":0.42857142857142855,"x_max":0.7142857142857143,"y_max":0.6071428571428571}},{"type":"scratch","probability":0.8518505096435547,"view":0,"box":{"x_min":0.42857142857142855,"y_min":0.5357142857142857,"x_max":0.5,"y_max":0.6071428571428571}},{"type":"scratch","probability":0.5540215373039246,"view":0,"box":{"x_min":0.6071428571428571,"y_min":0.5714285714285714,"x_max":0.6428571428571429,"y_max":0.6071428571428571}},{"type":"scratch","probability":0.7754099369049072,"view":0,"box":{"x_min":0.32142857142857145,"y_min":0.6071428571428571,"x_max":0.6785714285714286,"y_max":0.7857142857142857}},{"type":"missing_part","probability":0.08846482634544373,"view":0,"box":{"x_min":0.6428571428571429,"y_min":0.42857142857142855,"x_max":0.7142857142857143,"y_max":0.5}},{"type":"missing_part","probability":0.2007163166999817,"view":0,"box":{"x_min":0.25,"y_min":0.5,"x_max":0.4642857142857143,"y_max":0.75}},{"type":"missing_part","probability":0.1640377938747406,"view":0,"box":{"x_min":0.5,"y_min":0.6785714285714286,"x_max":0.5357142857142857,"y_max":0.75}}],"unfamiliarity":0.4942055940628052,"quality":[{"brightness":0.4890452027320862,"sharpness":0.00970777403563261,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-b7238c81bb694b418c40b018dc3477aa","capture_id":"cap-2","item_id":"R-2","graded_at":"2026-11-30T20:25:09.842157Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["4dc0aeb6d7c4d06ec2ca792e381968892cdd2bbb06868faa7ad239dd46268ffe"],"timings":{"decode_ms":20.838,"queue_ms":0.211,"model_ms":65.108,"total_ms":95.215}}');
INSERT INTO gradings VALUES (4, 'v-33579e142c13453fbc5c0b5a85462d3e', 'cap-3', 'R-3', 'a4cd42e2153ea79de4ee721d30d7323a05342131205abad26bac19a1eeea9453', '2026-11-30 20:25:10.110716+00', '{"item_id":"R-3","category":"parcel"}', '{"grade":"repairable","probabilities":{"new":0.029468222971877123,"lightly_used":0.19697092797330007,"repairable":0.5725091365600122,"salvage":0.20105171249481055},"prediction_set":["repairable","salvage"],"expected_cost":1.1149698853185401,"damage_probabilities":{"dent":0.6736273569969027,"scratch":0.7444524664285085,"broken":0.04343902028364923,"crack":0.4548824751467628,"tear":0.1813492563736886,"stain":0.37675455111466205,"missing_part":0.29119752705295715},"damages":[{"type":"dent","probability":0.9149971008300781,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.39285714285714285,"x_max":0.5714285714285714,"y_max":0.5357142857142857}},{"type":"dent","probability":0.6173644065856934,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.6071428571428571,"x_max":0.4642857142857143,"y_max":0.6785714285714286}},{"type":"scratch","probability":0.5335666537284851,"view":0,"box":{"x_min":0.4642857142857143,"y_min":0.35714285714285715,"x_max":0.5,"y_max":0.39285714285714285}},{"type":"scratch","probability":0.8370373249053955,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.39285714285714285,"x_max":0.5714285714285714,"y_max":0.42857142857142855}},{"type":"scratch","probability":0.537168562412262,"view":0,"box":{"x_min":0.6428571428571429,"y_min":0.42857142857142855,"x_max":0.6785714285714286,"y_max":0.4642857142857143}},{"type":"scratch","probability":0.9438662528991699,"view":0,"box":{"x_min":0.32142857142857145,"y_min":0.4642857142857143,"x_max":0.5357142857142857,"y_max":0.7142857142857143}},{"type":"scratch","probability":0.6772092580795288,"view":0,"box":{"x_min":0.6785714285714286,"y_min":0.5357142857142857,"x_max":0.75,"y_max":0.6071428571428571}},{"type":"scratch","probability":0.5587604641914368,"view":0,"box":{"x_min":0.5714285714285714,"y_min":0.6428571428571429,"x_max":0.6071428571428571,"y_max":0.7142857142857143}},{"type":"scratch","probability":0.437834233045578,"view":0,"box":{"x_min":0.5,"y_min":0.6785714285714286,"x_max":0.5357142857142857,"y_max":0.7142857142857143}},{"type":"crack","probability":0.7065140604972839,"view":0,"box":{"x_min":0.42857142857142855,"y_min":0.42857142857142855,"x_max":0.4642857142857143,"y_max":0.4642857142857143}},{"type":"crack","probability":0.793702244758606,"view":0,"box":{"x_min":0.5714285714285714,"y_min":0.42857142857142855,"x_max":0.6071428571428571,"y_max":0.5}},{"type":"stain","probability":0.6583032608032227,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.4642857142857143,"x_max":0.5,"y_max":0.6785714285714286}},{"type":"stain","probability":0.6053381562232971,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.4642857142857143,"x_max":0.5714285714285714,"y_max":0.5}},{"type":"stain","probability":0.45868054032325745,"view":0,"box":{"x_min":0.6785714285714286,"y_min":0.5714285714285714,"x_max":0.7142857142857143,"y_max":0.6071428571428571}},{"type":"stain","probability":0.5246649384498596,"view":0,"box":{"x_min":0.5714285714285714,"y_min":0.6785714285714286,"x_max":0.6071428571428571,"y_max":0.7142857142857143}},{"type":"stain","probability":0.4651777446269989,"view":0,"box":{"x_min":0.5,"y_min":0.7142857142857143,"x_max":0.5357142857142857,"y_max":0.75}},{"type":"missing_part","probability":0.5970306992530823,"view":0,"box":{"x_min":0.25,"y_min":0.25,"x_max":0.75,"y_max":0.6785714285714286}},{"type":"missing_part","probability":0.09552508592605591,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.7142857142857143,"x_max":0.5714285714285714,"y_max":0.75}}],"unfamiliarity":0.42942896485328674,"quality":[{"brightness":0.36782610416412354,"sharpness":0.0028287575114518404,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-33579e142c13453fbc5c0b5a85462d3e","capture_id":"cap-3","item_id":"R-3","graded_at":"2026-11-30T20:25:10.110716Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["6d2451380e15b6bb462bc6eb93e8684b4d94166e38ba28f2f7e00ba0dc3f0bd5"],"timings":{"decode_ms":24.246,"queue_ms":0.271,"model_ms":78.944,"total_ms":104.041}}');
INSERT INTO gradings VALUES (5, 'v-c58eb3b2e4bf49348ec1a6e99418dd9c', 'cap-4', 'R-4', '53c3a8ff3e2779bd67424e55fb29f1c3462d509ab83d9f305b12fee0772923ec', '2026-11-30 20:25:10.362099+00', '{"item_id":"R-4","category":"parcel"}', '{"grade":"repairable","probabilities":{"new":0.22801027017674902,"lightly_used":0.22465638732658721,"repairable":0.29099760583281636,"salvage":0.2563357366638474},"prediction_set":["lightly_used","repairable","salvage"],"expected_cost":2.1303610653517127,"damage_probabilities":{"dent":0.08421466909376694,"scratch":0.2835539696144478,"broken":0.015567759633797465,"crack":0.04445566171404745,"tear":0.07286468623170955,"stain":0.1294865165871881,"missing_part":0.17245730877738563},"damages":[{"type":"scratch","probability":0.43286412954330444,"view":0,"box":{"x_min":0.5714285714285714,"y_min":0.35714285714285715,"x_max":0.6071428571428571,"y_max":0.39285714285714285}},{"type":"scratch","probability":0.623069703578949,"view":0,"box":{"x_min":0.75,"y_min":0.5357142857142857,"x_max":0.7857142857142857,"y_max":0.5714285714285714}},{"type":"scratch","probability":0.5848935842514038,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.6071428571428571,"x_max":0.5714285714285714,"y_max":0.6428571428571429}},{"type":"missing_part","probability":0.07947647571563721,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.35714285714285715,"x_max":0.6071428571428571,"y_max":0.39285714285714285}},{"type":"missing_part","probability":0.46422263979911804,"view":0,"box":{"x_min":0.17857142857142858,"y_min":0.5,"x_max":0.42857142857142855,"y_max":0.6428571428571429}},{"type":"missing_part","probability":0.12850192189216614,"view":0,"box":{"x_min":0.7142857142857143,"y_min":0.5357142857142857,"x_max":0.7857142857142857,"y_max":0.6071428571428571}},{"type":"missing_part","probability":0.13301092386245728,"view":0,"box":{"x_min":0.5,"y_min":0.5714285714285714,"x_max":0.5714285714285714,"y_max":0.6428571428571429}},{"type":"missing_part","probability":0.08052745461463928,"view":0,"box":{"x_min":0.6071428571428571,"y_min":0.5714285714285714,"x_max":0.6785714285714286,"y_max":0.6428571428571429}}],"unfamiliarity":0.4827669560909271,"quality":[{"brightness":0.46102678775787354,"sharpness":0.003212949726730585,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-c58eb3b2e4bf49348ec1a6e99418dd9c","capture_id":"cap-4","item_id":"R-4","graded_at":"2026-11-30T20:25:10.362099Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["0b0f3ca5c72e4f8841de99c9b6dbf7ee46051ea069da7b731de108f1528826af"],"timings":{"decode_ms":8.608,"queue_ms":0.153,"model_ms":88.48,"total_ms":97.818}}');
INSERT INTO gradings VALUES (6, 'v-53c285a912cb4c66b8192bec85afe3cd', 'cap-5', 'R-5', '8c1fcdb4906b4b4731a34161a50d94483d494b2e42b6553c8a8146ee9424c80a', '2026-11-30 20:25:10.745774+00', '{"item_id":"R-5"}', '{"grade":"repairable","probabilities":{"new":0.2331549111126685,"lightly_used":0.17195411373570846,"repairable":0.19032667939720876,"salvage":0.40456429575441427},"prediction_set":["lightly_used","repairable","salvage"],"expected_cost":2.490220759185334,"damage_probabilities":{"dent":0.2957873041256166,"scratch":0.5179429271786499,"broken":0.07004461229739048,"crack":0.35476334403045096,"tear":0.20063821634626539,"stain":0.33984230118714853,"missing_part":0.5476553056549945},"damages":[{"type":"scratch","probability":0.5666138529777527,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.4642857142857143,"x_max":0.4642857142857143,"y_max":0.5714285714285714}},{"type":"scratch","probability":0.6066854596138,"view":0,"box":{"x_min":0.5714285714285714,"y_min":0.5714285714285714,"x_max":0.6785714285714286,"y_max":0.6428571428571429}},{"type":"crack","probability":0.7259865999221802,"view":0,"box":{"x_min":0.5,"y_min":0.5,"x_max":0.5357142857142857,"y_max":0.5357142857142857}},{"type":"missing_part","probability":0.08253240585327148,"view":0,"box":{"x_min":0.5357142857142857,"y_min":0.32142857142857145,"x_max":0.5714285714285714,"y_max":0.35714285714285715}},{"type":"missing_part","probability":0.27370816469192505,"view":0,"box":{"x_min":0.21428571428571427,"y_min":0.42857142857142855,"x_max":0.32142857142857145,"y_max":0.5}},{"type":"missing_part","probability":0.20890462398529053,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.42857142857142855,"x_max":0.5357142857142857,"y_max":0.6071428571428571}},{"type":"missing_part","probability":0.13666704297065735,"view":0,"box":{"x_min":0.6428571428571429,"y_min":0.4642857142857143,"x_max":0.6785714285714286,"y_max":0.5}},{"type":"missing_part","probability":0.26969459652900696,"view":0,"box":{"x_min":0.5,"y_min":0.5,"x_max":0.7857142857142857,"y_max":0.6785714285714286}},{"type":"dent","probability":0.6597749590873718,"view":1,"box":{"x_min":0.32142857142857145,"y_min":0.6071428571428571,"x_max":0.35714285714285715,"y_max":0.6428571428571429}},{"type":"scratch","probability":0.6834998726844788,"view":1,"box":{"x_min":0.2857142857142857,"y_min":0.4642857142857143,"x_max":0.42857142857142855,"y_max":0.5357142857142857}},{"type":"scratch","probability":0.8050919771194458,"view":1,"box":{"x_min":0.39285714285714285,"y_min":0.5357142857142857,"x_max":0.6428571428571429,"y_max":0.8214285714285714}},{"type":"scratch","probability":0.5498438477516174,"view":1,"box":{"x_min":0.32142857142857145,"y_min":0.6428571428571429,"x_max":0.35714285714285715,"y_max":0.6785714285714286}},{"type":"stain","probability":0.6577004194259644,"view":1,"box":{"x_min":0.32142857142857145,"y_min":0.4642857142857143,"x_max":0.42857142857142855,"y_max":0.5714285714285714}},{"type":"stain","probability":0.5641036033630371,"view":1,"box":{"x_min":0.5357142857142857,"y_min":0.5357142857142857,"x_max":0.6071428571428571,"y_max":0.6428571428571429}},{"type":"stain","probability":0.4678627550601959,"view":1,"box":{"x_min":0.4642857142857143,"y_min":0.6071428571428571,"x_max":0.5,"y_max":0.6428571428571429}},{"type":"stain","probability":0.5222858190536499,"view":1,"box":{"x_min":0.39285714285714285,"y_min":0.6428571428571429,"x_max":0.42857142857142855,"y_max":0.6785714285714286}},{"type":"stain","probability":0.47972413897514343,"view":1,"box":{"x_min":0.5,"y_min":0.7142857142857143,"x_max":0.5357142857142857,"y_max":0.75}},{"type":"missing_part","probability":0.849507212638855,"view":1,"box":{"x_min":0.2857142857142857,"y_min":0.39285714285714285,"x_max":0.7142857142857143,"y_max":0.8214285714285714}}],"unfamiliarity":0.5256057977676392,"quality":[{"brightness":0.45608606934547424,"sharpness":0.0033396242652088404,"issues":[]},{"brightness":0.5053937435150146,"sharpness":0.00488628214225173,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-53c285a912cb4c66b8192bec85afe3cd","capture_id":"cap-5","item_id":"R-5","graded_at":"2026-11-30T20:25:10.745774Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["33b75fe7ea5b63411aabcac81f09af453f16a2ac7d4d5f4947234ecd9dc5d627","f843f49dba94a52bb3fda93ea94e66e577ccec92ecad0e6989a63793a0535cdc"],"timings":{"decode_ms":47.363,"queue_ms":0.514,"model_ms":131.352,"total_ms":180.004}}');
INSERT INTO gradings VALUES (7, 'v-994bf8472f03482d8130a35b85e65752', 'cap-0b', 'R-0', 'ae854371d2b05fb2c2cc4d92effcb1ce227d8e9137a6fe5203597b4f27a9c528', '2026-11-30 20:25:10.987025+00', '{"item_id":"R-0"}', '{"grade":"repairable","probabilities":{"new":0.35161615130657065,"lightly_used":0.1973006311702959,"repairable":0.27631735877026464,"salvage":0.17476585875286885},"prediction_set":["new","lightly_used","repairable"],"expected_cost":2.3253634438254807,"damage_probabilities":{"dent":0.14651636128507248,"scratch":0.508030629182145,"broken":0.038807635811279204,"crack":0.21568652116695036,"tear":0.08720243625284614,"stain":0.17699527724723196,"missing_part":0.19013433055124204},"damages":[{"type":"scratch","probability":0.5440191030502319,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.39285714285714285,"x_max":0.39285714285714285,"y_max":0.42857142857142855}},{"type":"scratch","probability":0.6491340398788452,"view":0,"box":{"x_min":0.4642857142857143,"y_min":0.4642857142857143,"x_max":0.5,"y_max":0.5}},{"type":"scratch","probability":0.5687060356140137,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.5357142857142857,"x_max":0.39285714285714285,"y_max":0.5714285714285714}},{"type":"scratch","probability":0.840190052986145,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.6071428571428571,"x_max":0.5357142857142857,"y_max":0.75}},{"type":"missing_part","probability":0.5093321800231934,"view":0,"box":{"x_min":0.25,"y_min":0.42857142857142855,"x_max":0.6428571428571429,"y_max":0.6428571428571429}},{"type":"missing_part","probability":0.14216989278793335,"view":0,"box":{"x_min":0.35714285714285715,"y_min":0.5714285714285714,"x_max":0.6071428571428571,"y_max":0.7857142857142857}}],"unfamiliarity":0.4522852897644043,"quality":[{"brightness":0.450210839509964,"sharpness":0.004586866591125727,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-994bf8472f03482d8130a35b85e65752","capture_id":"cap-0b","item_id":"R-0","graded_at":"2026-11-30T20:25:10.987025Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["3ee13873fc08e68ed7f16fd7e684cad221b26a754726090f70b73add4d366f3a"],"timings":{"decode_ms":19.894,"queue_ms":9.676,"model_ms":64.069,"total_ms":94.218}}');
INSERT INTO gradings VALUES (8, 'v-31cfd6d29aa7422a91df1ef418315acc', 'cap-6', 'R-6', '4287cb97a1357ed22593a73da9018c92a96a54c0b9d8a244c7efbb041c732d2a', '2026-11-30 20:25:11.3236+00', '{"item_id":"R-6"}', '{"grade":"repairable","probabilities":{"new":0.17265249970802865,"lightly_used":0.5018629318059153,"repairable":0.24944405132436154,"salvage":0.07604051716169447},"prediction_set":["lightly_used","repairable"],"expected_cost":1.9224574139290287,"damage_probabilities":{"dent":0.16085305748453013,"scratch":0.8835867208942847,"broken":0.01565538718845229,"crack":0.12520119834082696,"tear":0.1207421349029875,"stain":0.45907731191786627,"missing_part":0.10540057291918244},"damages":[{"type":"scratch","probability":0.6294286251068115,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.35714285714285715,"x_max":0.42857142857142855,"y_max":0.39285714285714285}},{"type":"scratch","probability":0.9779374599456787,"view":0,"box":{"x_min":0.32142857142857145,"y_min":0.4642857142857143,"x_max":0.6785714285714286,"y_max":0.75}},{"type":"scratch","probability":0.512569785118103,"view":0,"box":{"x_min":0.25,"y_min":0.7142857142857143,"x_max":0.2857142857142857,"y_max":0.75}},{"type":"stain","probability":0.675281286239624,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.4642857142857143,"x_max":0.5357142857142857,"y_max":0.5714285714285714}},{"type":"stain","probability":0.7445387244224548,"view":0,"box":{"x_min":0.25,"y_min":0.6428571428571429,"x_max":0.6785714285714286,"y_max":0.75}},{"type":"missing_part","probability":0.10438516736030579,"view":0,"box":{"x_min":0.4642857142857143,"y_min":0.35714285714285715,"x_max":0.5,"y_max":0.39285714285714285}},{"type":"missing_part","probability":0.19401496648788452,"view":0,"box":{"x_min":0.21428571428571427,"y_min":0.39285714285714285,"x_max":0.39285714285714285,"y_max":0.5357142857142857}},{"type":"missing_part","probability":0.0792941153049469,"view":0,"box":{"x_min":0.39285714285714285,"y_min":0.5,"x_max":0.42857142857142855,"y_max":0.5357142857142857}},{"type":"missing_part","probability":0.0871674120426178,"view":0,"box":{"x_min":0.25,"y_min":0.5357142857142857,"x_max":0.2857142857142857,"y_max":0.5714285714285714}},{"type":"missing_part","probability":0.26085230708122253,"view":0,"box":{"x_min":0.17857142857142858,"y_min":0.6071428571428571,"x_max":0.6785714285714286,"y_max":0.7857142857142857}}],"unfamiliarity":0.5062287449836731,"quality":[{"brightness":0.27946004271507263,"sharpness":0.0010132078314200044,"issues":[]}],"needs_review":true,"review_reasons":["uncertain_grade"],"verdict_id":"v-31cfd6d29aa7422a91df1ef418315acc","capture_id":"cap-6","item_id":"R-6","graded_at":"2026-11-30T20:25:11.323600Z","model":{"name":"returns","version":"2026.11.24-2312"},"images":["9d8bdc49f32ac04390aa016f806cded765d01ee6652e703209011d1fc214b8e4"],"timings":{"decode_ms":4.626,"queue_ms":0.216,"model_ms":101.535,"total_ms":106.914}}');

INSERT INTO items VALUES (1, 'R-0', 'review', 'repairable', 'open-box', 'diverted');
INSERT INTO items VALUES (2, 'R-1', 'answered', 'new', 'open-box', 'diverted');
INSERT INTO items VALUES (3, 'R-2', 'review', 'repairable', NULL, NULL);
INSERT INTO items VALUES (4, 'R-3', 'answered', 'repairable', NULL, NULL);
INSERT INTO items VALUES (5, 'R-4', 'review', 'repairable', NULL, NULL);
INSERT INTO items VALUES (6, 'R-5', 'review', 'repairable', NULL, NULL);
INSERT INTO items VALUES (7, 'R-6', 'review', 'repairable', NULL, NULL);
INSERT INTO items VALUES (8, 'R-99', 'ungraded', NULL, NULL, 'lost');

INSERT INTO outcomes VALUES (1, 'line1:b:1', 'line1', 'R-1', 'open-box', 'diverted', 'best-value', '2026-11-25 03:00:09+00', '{"outcome_id":"line1:b:1","line_id":"line1","tid":1,"item_id":"R-1","ending":"diverted","lane":"open-box","assigned_lane":"open-box","rule":"best-value","explanation":"because","grade":null,"verdict_id":null,"override_id":null,"announced_at":"2026-11-25T03:00:00Z","ended_at":"2026-11-25T03:00:09Z"}');
INSERT INTO outcomes VALUES (2, 'line1:b:2', 'line1', NULL, 'manual', 'diverted', 'no-read', '2026-11-25 03:00:09+00', '{"outcome_id":"line1:b:2","line_id":"line1","tid":2,"item_id":null,"ending":"diverted","lane":"manual","assigned_lane":"manual","rule":"no-read","explanation":"because","grade":null,"verdict_id":null,"override_id":null,"announced_at":"2026-11-25T03:00:00Z","ended_at":"2026-11-25T03:00:09Z"}');
INSERT INTO outcomes VALUES (3, 'line1:b:3', 'line1', 'R-99', NULL, 'lost', 'full', '2026-11-25 03:00:09+00', '{"outcome_id":"line1:b:3","line_id":"line1","tid":3,"item_id":"R-99","ending":"lost","lane":null,"assigned_lane":null,"rule":"full","explanation":"because","grade":null,"verdict_id":null,"override_id":null,"announced_at":"2026-11-25T03:00:00Z","ended_at":"2026-11-25T03:00:09Z"}');
INSERT INTO outcomes VALUES (4, 'line1:b:4', 'line1', 'R-0', 'open-box', 'diverted', 'best-value', '2026-11-25 03:00:09+00', '{"outcome_id":"line1:b:4","line_id":"line1","tid":4,"item_id":"R-0","ending":"diverted","lane":"open-box","assigned_lane":"open-box","rule":"best-value","explanation":"because","grade":null,"verdict_id":null,"override_id":null,"announced_at":"2026-11-25T03:00:00Z","ended_at":"2026-11-25T03:00:09Z"}');

INSERT INTO overrides VALUES (1, 'o-0', 'R-1', 'new', 'Änne "Q"; ☃', 'lid', '2026-11-30 20:25:11.509752+00');
INSERT INTO overrides VALUES (2, 'o-1', 'R-2', 'salvage', 'Änne "Q"; ☃', 'lid', '2026-11-30 20:25:11.692218+00');
INSERT INTO overrides VALUES (3, 'o-2', 'R-2', NULL, 'Änne "Q"; ☃', 'lid', '2026-11-30 20:25:11.889041+00');
INSERT INTO overrides VALUES (4, 'o-3', 'R-3', 'repairable', 'Änne "Q"; ☃', 'lid', '2026-11-30 20:25:12.13421+00');

INSERT INTO totals VALUES ('line1', '', 'lost', 'full', 1);
INSERT INTO totals VALUES ('line1', 'manual', 'diverted', 'no-read', 1);
INSERT INTO totals VALUES ('line1', 'open-box', 'diverted', 'best-value', 2);

SELECT pg_catalog.setval('gradings_seq_seq', 8, true);

SELECT pg_catalog.setval('items_seq_seq', 8, true);

SELECT pg_catalog.setval('outcomes_seq_seq', 4, true);

SELECT pg_catalog.setval('overrides_seq_seq', 4, true);

ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY gradings
    ADD CONSTRAINT gradings_capture_id_key UNIQUE (capture_id);

ALTER TABLE ONLY gradings
    ADD CONSTRAINT gradings_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY gradings
    ADD CONSTRAINT gradings_verdict_id_key UNIQUE (verdict_id);

ALTER TABLE ONLY items
    ADD CONSTRAINT items_item_id_key UNIQUE (item_id);

ALTER TABLE ONLY items
    ADD CONSTRAINT items_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY outcomes
    ADD CONSTRAINT outcomes_outcome_id_key UNIQUE (outcome_id);

ALTER TABLE ONLY outcomes
    ADD CONSTRAINT outcomes_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY overrides
    ADD CONSTRAINT overrides_override_id_key UNIQUE (override_id);

ALTER TABLE ONLY overrides
    ADD CONSTRAINT overrides_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY totals
    ADD CONSTRAINT totals_pkey PRIMARY KEY (line_id, lane, ending, rule);

CREATE INDEX gradings_by_item ON gradings USING btree (item_id, seq);

CREATE INDEX items_by_status ON items USING btree (status, seq);

CREATE INDEX outcomes_by_item ON outcomes USING btree (item_id, seq);

CREATE INDEX outcomes_by_line ON outcomes USING btree (line_id, seq);

CREATE INDEX overrides_by_item ON overrides USING btree (item_id, seq);

