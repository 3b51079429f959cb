//! Persons of the made-up universe (`data/universe/persons.ndjson`).

/// A person: what tests say of them in tokens and bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// National identity number.
    pub pid: &'static str,
    /// Party UUID.
    pub uuid: &'static str,
}

/// Sigrun Kvistmåne. Directs Skyregnskap.
pub const SIGRUN: Person = Person {
    pid: "12847114825",
    uuid: "01efbe1b-6966-562b-a4bf-765ae4a3df82",
};
/// Halvard Nattsvale. Directs Fjordlønn.
pub const HALVARD: Person = Person {
    pid: "03916615964",
    uuid: "898e72c8-2c1d-5d77-ab40-09338d40fa55",
};
/// Yngvild Stjernekast. Directs Havblikk.
pub const YNGVILD: Person = Person {
    pid: "27818217140",
    uuid: "7de2a203-bf49-5ad3-9c52-c34f9ce5079c",
};
/// Torleif Morgenrød. Directs Nattergal.
pub const TORLEIF: Person = Person {
    pid: "19867518188",
    uuid: "677cde9c-6da4-590b-975b-baae22d0dd03",
};
/// Ragna Vintervei. Chairs Nattergal.
pub const RAGNA: Person = Person {
    pid: "08896919300",
    uuid: "979b304e-4175-5fb8-b128-260debb05cd5",
};
/// Eskil Solgløtt. Board member of Nattergal.
pub const ESKIL: Person = Person {
    pid: "30838820480",
    uuid: "16bd5590-a970-582e-8a2e-7a70c1592e92",
};
/// Borghild Tåkeheim. Access manager at Nattergal who holds `lonn` and `a-ordning`.
pub const BORGHILD: Person = Person {
    pid: "05927921520",
    uuid: "d4759a57-6dc2-5f45-95c0-ece7fc755466",
};
/// Jostein Bekkeblom. Holds `lonn` at Nattergal; main administrator at Tindevandrer.
pub const JOSTEIN: Person = Person {
    pid: "22878422566",
    uuid: "965bad3b-2253-5ef8-ab33-50d25298e1bc",
};
/// Marit Skumring. Directs Tindevandrer.
pub const MARIT: Person = Person {
    pid: "14827723674",
    uuid: "8c8320e2-a5d4-581a-9c3d-6e8ffc4c46d7",
};
/// Oddny Ildflue. Owns Keramikk.
pub const ODDNY: Person = Person {
    pid: "11859024884",
    uuid: "c6d8d7f1-5188-5b27-8ada-43887607742e",
};
/// Kåre Måkevik. Partner in Vardehaug.
pub const KARE: Person = Person {
    pid: "25886325986",
    uuid: "15a45775-7ce5-58a9-868e-f7a8126adb04",
};
/// Synnøve Rimfrost. Partner in Rotfast.
pub const SYNNOVE: Person = Person {
    pid: "17908126971",
    uuid: "bd4e8009-963b-5e2d-8a49-2d9710aef229",
};
/// Anders Lyngrose. Partner in Rotfast.
pub const ANDERS: Person = Person {
    pid: "09817328188",
    uuid: "80c018f7-63da-5a95-87df-6a0ab8c631e0",
};
/// Gudrun Havdis. Directs Skjærgård Komplementar.
pub const GUDRUN: Person = Person {
    pid: "28856829172",
    uuid: "1927c990-743c-5e30-bd52-f6a577348f2d",
};
/// Peder Tidevann. Manages Skutevik.
pub const PEDER: Person = Person {
    pid: "03835930202",
    uuid: "bc6a83b6-055c-59ab-9b5d-f4cda2458c88",
};
/// Ingrid Gårdsrom. Chairs Solbakken.
pub const INGRID: Person = Person {
    pid: "06867631400",
    uuid: "5ecc6cbc-0d2d-5fdb-b253-af4da14369eb",
};
/// Tormod Trappeløp. Board member of Solbakken.
pub const TORMOD: Person = Person {
    pid: "14899232411",
    uuid: "3e65a468-facd-5d56-a15d-c1d8edb26dca",
};
/// Else Takvindu. Chairs Utsikten.
pub const ELSE: Person = Person {
    pid: "07877033516",
    uuid: "947a65f5-40d5-5ed3-9b1a-831a7e470ab2",
};
/// Rolf Kommunestein. Contact of Lyngmark.
pub const ROLF: Person = Person {
    pid: "24926534641",
    uuid: "95135763-69cc-5a4b-801f-674abaf2f6cd",
};
/// Vigdis Elvesus. Directs Lyngmark Avfall.
pub const VIGDIS: Person = Person {
    pid: "01848335785",
    uuid: "aec66fa4-496a-585e-a852-3697e692fa94",
};
/// Solveig Klubbeslag. Directs Lyngmark.
pub const SOLVEIG: Person = Person {
    pid: "27827436890",
    uuid: "55be99d2-feba-5c30-befc-71d0e801e899",
};
/// Mikael Grensevind. Contact of Polarisk; has a d-number.
pub const MIKAEL: Person = Person {
    pid: "60827837930",
    uuid: "4076e257-ce3f-557c-9720-2c8e1961d491",
};
/// Sara Nordlysne. Represents Polarisk.
pub const SARA: Person = Person {
    pid: "17858539048",
    uuid: "bf8b9686-b960-5302-b2d6-7ea8d41be613",
};
/// Bjarne Støvregn. Has no roles.
pub const BJARNE: Person = Person {
    pid: "31816140210",
    uuid: "4a28922f-8caa-527f-a86c-fc6511c6fca6",
};
/// Liv Bostyrke. Trustee of the estate of Nordlysbygg.
pub const LIV: Person = Person {
    pid: "08887441228",
    uuid: "14ab5f95-f3e9-5913-acf9-4fb5a23aa5de",
};
/// Nils Konkursli. Directs bankrupt Nordlysbygg.
pub const NILS: Person = Person {
    pid: "12868042395",
    uuid: "41c31223-44ad-577a-9ea3-95fbbfcb26b8",
};
/// Astrid Hellesyn. Directs Hellesyn Holding and Drift.
pub const ASTRID: Person = Person {
    pid: "11917243494",
    uuid: "3caed78b-a975-5476-8228-f2e51e931fae",
};
/// Even Datterdal. Directs Hellesyn Eiendom.
pub const EVEN: Person = Person {
    pid: "10908644684",
    uuid: "e6ca2855-0be6-55e3-b9b0-e6dec3ca1e75",
};
/// Turid Turstien. Chairs Fossefall.
pub const TURID: Person = Person {
    pid: "04846745691",
    uuid: "bc907130-dee7-5f8c-82f8-67a4c1ad315b",
};
/// Knut Kystlei. Chairs Kystkultur.
pub const KNUT: Person = Person {
    pid: "09895846756",
    uuid: "02f1a120-dba2-5d05-9f45-972258168327",
};
/// Randi Tallfryd. Directs Tallknuseren.
pub const RANDI: Person = Person {
    pid: "13837347860",
    uuid: "4f0bb6a5-bbbd-53d1-9cf2-109c25ff6c8e",
};
/// Stian Bilagsen. Client administrator at Tallknuseren.
pub const STIAN: Person = Person {
    pid: "21919148982",
    uuid: "dcff05ef-2b0a-51e9-abd7-34aa0dcda325",
};
/// Hege Mellomregning. Works at Tallknuseren without any power.
pub const HEGE: Person = Person {
    pid: "02820152908",
    uuid: "e80c3060-4afe-5061-9c04-5dd1c27547ba",
};
/// Olav Siffersund. Owns Sifferhjelp.
pub const OLAV: Person = Person {
    pid: "30907001160",
    uuid: "0357cdda-9b68-5ae5-be56-bbf1a9a1af6f",
};
/// Berit Granskovli. Directs Granskeren.
pub const BERIT: Person = Person {
    pid: "26866402298",
    uuid: "7dcff169-0b75-5d1a-98e1-cde81587d6f5",
};
/// Trond Attestvik. Chairs Granskeren; client administrator and access manager.
pub const TROND: Person = Person {
    pid: "27878703362",
    uuid: "46fd70bf-6da7-53d6-a031-c1101cb590d6",
};
/// Grete Forvaltli. Directs Gårdstun.
pub const GRETE: Person = Person {
    pid: "15817104476",
    uuid: "1b184211-fc4c-5bec-bb7c-91395ac0f400",
};
/// Eilif Revisjord. Auditor.
pub const EILIF: Person = Person {
    pid: "05856005552",
    uuid: "2c5b0c1c-8feb-5a9f-8abd-de10f812ce29",
};
/// Dagny Minnelund. Has died.
pub const DAGNY: Person = Person {
    pid: "15864106614",
    uuid: "f8b4013b-c7e9-5a97-a608-f87b6a2f2920",
};
/// Per Privatvold. Has no roles.
pub const PER: Person = Person {
    pid: "18889507752",
    uuid: "86d0ec7b-ca17-50c1-b522-9c3280e55d4d",
};

/// A national identity number that no person in the universe has.
pub const UNKNOWN_PERSON_ID: &str = "01010112345";
