//! Organisations of the made-up universe (`data/universe/organizations.ndjson`).

/// An organisation: what tests say of it in addresses, bodies and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Organization {
    /// Organisation number.
    pub number: &'static str,
    /// Party id, as in paths.
    pub party: i32,
    /// Party UUID.
    pub uuid: &'static str,
}

impl Organization {
    /// Number as tokens and the system register name it: `0192:` and nine digits.
    #[must_use]
    pub fn identifier(self) -> String {
        format!("0192:{}", self.number)
    }
}

/// PLATTFORMFORVALTEREN. Service owner `plf`.
pub const PLF: Organization = Organization {
    number: "390014732",
    party: 52_000_007,
    uuid: "4f4feafd-cf93-5c1e-896f-4021e1c0c3b7",
};
/// SKATTE- OG AVGIFTSVERKET. Service owner `sav`, the tax agency.
pub const SAV: Organization = Organization {
    number: "390028466",
    party: 52_000_014,
    uuid: "8f5b39da-a7a3-57b7-89b0-cfbb2e834edb",
};
/// ARBEIDS- OG YTELSESKONTORET. Service owner `aye`, work and benefits.
pub const AYE: Organization = Organization {
    number: "390042191",
    party: 52_000_021,
    uuid: "aff44d93-9af8-5d02-a3af-c684a1a290e8",
};
/// FORETAKSKONTORET. Service owner `fok`, the register of companies.
pub const FOK: Organization = Organization {
    number: "390055927",
    party: 52_000_028,
    uuid: "a1b0834a-5d79-50e1-be19-eaa2bd84f95e",
};
/// PRØVEDEPARTEMENTET. Service owner `ttd`, for trials.
pub const TTD: Organization = Organization {
    number: "390069650",
    party: 52_000_035,
    uuid: "ff448f37-1fd7-5225-b0ec-6a053004b3df",
};
/// SKYREGNSKAP SYSTEMER AS. Vendor of accounting systems, one of them for agents.
pub const SKYREGNSKAP: Organization = Organization {
    number: "390184387",
    party: 52_000_042,
    uuid: "37f27a7e-d5b3-5bd9-bac0-206d9688842f",
};
/// FJORDLØNN PROGRAMVARE AS. Vendor of a payroll system.
pub const FJORDLONN: Organization = Organization {
    number: "390198116",
    party: 52_000_049,
    uuid: "4f5ca230-af0f-5ab5-89b2-200ffb23afbc",
};
/// HAVBLIKK EIENDOMSSYSTEM AS. Vendor of a system for agents in housing.
pub const HAVBLIKK: Organization = Organization {
    number: "390211848",
    party: 52_000_056,
    uuid: "150a48c1-2db7-53fd-b12d-75a5c6ddde3a",
};
/// NATTERGAL BAKERI AS. Company with two sub-units; Torleif directs it.
pub const NATTERGAL: Organization = Organization {
    number: "390326572",
    party: 52_000_063,
    uuid: "a8baac14-c94e-5be8-bd91-30de41d8e1f9",
};
/// NATTERGAL BAKERI AVD SENTRUM. Sub-unit of Nattergal.
pub const NATTERGAL_SENTRUM: Organization = Organization {
    number: "290340306",
    party: 52_000_070,
    uuid: "0d8f66ab-dba6-55bd-bfad-6451091c4b5e",
};
/// NATTERGAL BAKERI AVD HAVNA. Sub-unit of Nattergal.
pub const NATTERGAL_HAVNA: Organization = Organization {
    number: "290354048",
    party: 52_000_077,
    uuid: "e25f7941-e33b-5485-b16b-d60c06ae12d7",
};
/// TINDEVANDRER SPORT AS. Company that Marit directs and Jostein administers.
pub const TINDEVANDRER: Organization = Organization {
    number: "390367767",
    party: 52_000_084,
    uuid: "cc362cb9-238d-5a37-9478-85c506271b16",
};
/// ODDNY ILDFLUE KERAMIKK. Sole proprietorship of Oddny.
pub const KERAMIKK: Organization = Organization {
    number: "390381492",
    party: 52_000_091,
    uuid: "35e7e180-7518-5692-b145-cbfd99b30d66",
};
/// ODDNY ILDFLUE KERAMIKK VERKSTED. Sub-unit of Oddny's firm.
pub const KERAMIKK_VERKSTED: Organization = Organization {
    number: "290395224",
    party: 52_000_098,
    uuid: "769661c2-0123-5385-9399-29459ba2a50a",
};
/// VARDEHAUG FISKEMOTTAK DA. Partnership of Kåre and Hellesyn Holding.
pub const VARDEHAUG: Organization = Organization {
    number: "390408951",
    party: 52_000_105,
    uuid: "6ae8fdb3-4730-5a58-864e-2c0f4734b7dd",
};
/// ROTFAST GARTNERI ANS. Partnership of Synnøve and Anders; client of Sifferhjelp.
pub const ROTFAST: Organization = Organization {
    number: "390422687",
    party: 52_000_112,
    uuid: "87a32e76-37ea-53b9-951f-370675c93aa1",
};
/// SKJÆRGÅRD REDERI KS. Limited partnership, directed through its general partner.
pub const SKJAERGAARD_REDERI: Organization = Organization {
    number: "390436416",
    party: 52_000_119,
    uuid: "c29e4e02-38bf-5933-9f1d-4ef7a7649c04",
};
/// SKJÆRGÅRD KOMPLEMENTAR AS. General partner that Gudrun directs.
pub const SKJAERGAARD_KOMPLEMENTAR: Organization = Organization {
    number: "390450141",
    party: 52_000_126,
    uuid: "55c99bd2-a04b-51b0-9482-6968e40f653e",
};
/// SKUTEVIK PARTREDERI. Shipping partnership of Peder.
pub const SKUTEVIK: Organization = Organization {
    number: "390463871",
    party: 52_000_133,
    uuid: "8d41da6f-0b64-5610-bdce-ba1f96adc2dd",
};
/// SOLBAKKEN TERRASSE BORETTSLAG. Housing cooperative; client of Gårdstun and Granskeren.
pub const SOLBAKKEN: Organization = Organization {
    number: "390477600",
    party: 52_000_140,
    uuid: "6754ce34-d2d3-56c6-94fd-4a2eeaebd09a",
};
/// UTSIKTEN EIERSEKSJONSSAMEIE. Owners' association; client of Gårdstun.
pub const UTSIKTEN: Organization = Organization {
    number: "390491336",
    party: 52_000_147,
    uuid: "83c7e219-53d3-50b8-8b3b-d4f69339a4fa",
};
/// LYNGMARK KOMMUNE. Municipality.
pub const LYNGMARK: Organization = Organization {
    number: "390505078",
    party: 52_000_154,
    uuid: "7c2ec209-5147-564d-841d-4fd77685f8f1",
};
/// LYNGMARK KOMMUNE SKOLEKONTORET. School office of the municipality.
pub const LYNGMARK_SKOLEKONTORET: Organization = Organization {
    number: "390518803",
    party: 52_000_161,
    uuid: "280e4be1-0c26-56e8-98ef-31686a5f2244",
};
/// LYNGMARK AVFALL IKS. Waste company of the municipality.
pub const LYNGMARK_AVFALL: Organization = Organization {
    number: "390532520",
    party: 52_000_168,
    uuid: "45fea9be-6b56-593d-bfd7-118cb17008cb",
};
/// POLARISK HANDEL NUF. Branch of a foreign company.
pub const POLARISK: Organization = Organization {
    number: "390546254",
    party: 52_000_175,
    uuid: "bfba2824-18c4-558f-b690-7afcd5ae7b2e",
};
/// GAMLEBYEN INVENTAR AS. Deleted company.
pub const GAMLEBYEN: Organization = Organization {
    number: "390559984",
    party: 52_000_182,
    uuid: "d8d92c25-4aa4-5e69-a8cc-dab82a08527c",
};
/// NORDLYSBYGG ENTREPRENØR AS. Bankrupt company.
pub const NORDLYSBYGG: Organization = Organization {
    number: "390573715",
    party: 52_000_189,
    uuid: "4824d709-4dda-5474-b380-cad4fe2b5a08",
};
/// NORDLYSBYGG ENTREPRENØR AS KONKURSBO. Its estate.
pub const NORDLYSBYGG_KONKURSBO: Organization = Organization {
    number: "390587449",
    party: 52_000_196,
    uuid: "55a7f75b-f370-57e6-9c37-c65097aba748",
};
/// HELLESYN HOLDING AS. Parent of the Hellesyn group; Astrid directs it.
pub const HELLESYN_HOLDING: Organization = Organization {
    number: "390601174",
    party: 52_000_203,
    uuid: "0774a1b7-0b2f-5aab-b264-8780fd3bf4a9",
};
/// HELLESYN DRIFT AS. Company of the group that Astrid directs.
pub const HELLESYN_DRIFT: Organization = Organization {
    number: "390614918",
    party: 52_000_210,
    uuid: "76d8329c-8d90-5cec-9806-b1902d84f89b",
};
/// HELLESYN EIENDOM AS. Company of the group that Even directs.
pub const HELLESYN_EIENDOM: Organization = Organization {
    number: "390628633",
    party: 52_000_217,
    uuid: "b5e8b642-1057-5847-8a8d-ea67ee8818a2",
};
/// HELLESYN UTVIKLING ANS. Partnership of two companies of the group.
pub const HELLESYN_UTVIKLING: Organization = Organization {
    number: "390642369",
    party: 52_000_224,
    uuid: "53b963c2-5d58-5d89-b774-0010e745c1a5",
};
/// FOSSEFALL TURLAG. Association that Turid chairs.
pub const FOSSEFALL: Organization = Organization {
    number: "390656092",
    party: 52_000_231,
    uuid: "2ce1b87d-09b9-5bb1-91eb-a003c7bfe56b",
};
/// STIFTELSEN KYSTKULTUR I VEST. Foundation that Knut chairs.
pub const KYSTKULTUR: Organization = Organization {
    number: "390669828",
    party: 52_000_238,
    uuid: "8af4ef15-1eb8-5c2a-9f5a-6367552c1ea2",
};
/// TALLKNUSEREN REGNSKAP AS. Accountants, with an agent system user; Randi directs it.
pub const TALLKNUSEREN: Organization = Organization {
    number: "390784554",
    party: 52_000_245,
    uuid: "c7916978-44e4-553b-ad8a-6e3d794b3571",
};
/// SIFFERHJELP V/ OLAV SIFFERSUND. Olav's firm of accountants.
pub const SIFFERHJELP: Organization = Organization {
    number: "390798288",
    party: 52_000_252,
    uuid: "dc4e367a-e8b9-517d-ade2-67088ebfa7d6",
};
/// GRANSKEREN REVISJON AS. Auditors, with an agent system user; Berit directs it.
pub const GRANSKEREN: Organization = Organization {
    number: "390812019",
    party: 52_000_259,
    uuid: "081318fb-d8e6-599b-853e-5f04745a7db4",
};
/// GÅRDSTUN FORVALTNING AS. Business managers of housing, with an agent system user; Grete directs it.
pub const GAARDSTUN: Organization = Organization {
    number: "390825749",
    party: 52_000_266,
    uuid: "aca28267-467a-5a0c-9372-a7a66a20541b",
};
/// REVISOR EILIF REVISJORD. Auditor in person.
pub const EILIF_REVISJORD: Organization = Organization {
    number: "390839472",
    party: 52_000_273,
    uuid: "29a5007e-8046-55cc-8068-3d678a31f695",
};

/// A number that no organisation has.
pub const UNKNOWN_ORG_NUMBER: &str = "999999999";

/// An organisation that no register knows.
pub const UNKNOWN: Organization = Organization {
    number: UNKNOWN_ORG_NUMBER,
    party: 1,
    uuid: "00000000-0000-0000-0000-000000000001",
};

/// Digitaliseringsdirektoratet, which runs the real Maskinporten. Not in the universe.
pub const DIGDIR: Organization = Organization {
    number: "991825827",
    party: 2,
    uuid: "00000000-0000-0000-0000-000000000002",
};
