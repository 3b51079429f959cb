//! The open bulk files of the Brønnøysund registers: one JSON array each, several gigabytes when
//! unpacked. Elements are read one by one.

use std::{
    borrow::Cow,
    cell::Cell,
    io::{self, BufRead, Read},
    rc::Rc,
};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Error as _, SeqAccess, Visitor},
};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    FileImportOptions, ImportContext, ImportFormat,
    batch::{ImportBatch, ImportBatches},
    findings::ImportFindings,
    kinds::{
        check::LineCheck,
        organizations::OrganizationUnit,
        roles::{self, RoleHolder},
    },
};

/// Largest element, in bytes. The largest units have some thousand roles.
const ELEMENT_LIMIT: usize = 8 * 1024 * 1024;

/// Reads the array to its end. Elements up to `done` are passed over.
///
/// # Errors
/// The file is no array, is broken off, or cannot be read.
pub fn elements(
    context: &ImportContext,
    options: &FileImportOptions,
    reader: Box<dyn BufRead + Send>,
    done: u64,
    batches: &mut ImportBatches<'_>,
) -> anyhow::Result<()> {
    let left = Rc::new(Cell::new(ELEMENT_LIMIT));
    let reader = BoundedReader {
        inner: reader,
        left: Rc::clone(&left),
    };
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let array = BrregArray {
        context,
        options,
        done,
        batches,
        left,
    };
    array
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| {
            let what = if error.is_eof() {
                "the file breaks off"
            } else {
                "the file cannot be read"
            };
            anyhow::anyhow!("{what}: {error}")
        })
}

/// A reader that stops when one element takes too much.
struct BoundedReader<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: BufRead> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => {
                return Err(io::Error::other(format!(
                    "an element has more than {ELEMENT_LIMIT} bytes"
                )));
            }
        }
        Ok(read)
    }
}

struct BrregArray<'a, 'b> {
    context: &'a ImportContext,
    options: &'a FileImportOptions,
    done: u64,
    batches: &'a mut ImportBatches<'b>,
    left: Rc<Cell<usize>>,
}

impl<'de> DeserializeSeed<'de> for BrregArray<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BrregArray<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of units")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(element) = seq.next_element::<Box<RawValue>>()? {
            self.left.set(ELEMENT_LIMIT);
            number += 1;
            if number <= self.done {
                continue;
            }
            let ImportBatch { rows, findings, .. } = self.batches.current();
            let text = element.get().as_bytes();
            match self.options.format {
                ImportFormat::BrregRoles => {
                    stage_roles(self.context, self.options, number, text, rows, findings);
                }
                _ => stage_unit(number, text, rows, findings),
            }
            if !self.batches.line_done(number) {
                return Err(A::Error::custom("reading was given up"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct BrregCode<'a> {
    #[serde(borrow)]
    kode: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrregUnit<'a> {
    #[serde(borrow)]
    organisasjonsnummer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    navn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    organisasjonsform: Option<BrregCode<'a>>,
    #[serde(borrow)]
    overordnet_enhet: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "respons_klasse")]
    respons_klasse: Option<Cow<'a, str>>,
    #[serde(borrow)]
    slettedato: Option<Cow<'a, str>>,
    #[serde(borrow)]
    nedleggelsesdato: Option<Cow<'a, str>>,
    konkurs: Option<bool>,
    under_avvikling: Option<bool>,
    under_tvangsavvikling_eller_tvangsopplosning: Option<bool>,
    forretningsadresse: Option<Value>,
    beliggenhetsadresse: Option<Value>,
    postadresse: Option<Value>,
}

fn read<'de, T: Deserialize<'de>>(text: &'de [u8], check: &mut LineCheck<'_>) -> Option<T> {
    if memchr::memmem::find(text, b"\\u0000").is_some() {
        check.wrong("", "JSON", "a NUL character cannot be stored");
        return None;
    }
    match serde_json::from_slice(text) {
        Ok(value) => Some(value),
        Err(error) => {
            check.wrong("", "JSON", error.to_string());
            None
        }
    }
}

fn stage_unit(
    number: u64,
    text: &[u8],
    rows: &mut super::copy::CopyRows,
    findings: &mut ImportFindings,
) {
    let mut check = LineCheck::new(number, findings);
    let Some(unit) = read::<BrregUnit<'_>>(text, &mut check) else {
        return;
    };
    let is_deleted = unit
        .respons_klasse
        .as_deref()
        .is_some_and(|class| class.starts_with("Slettet"));
    let deleted_at = unit
        .slettedato
        .as_deref()
        .or(unit.nedleggelsesdato.as_deref());
    let winding_up = unit.under_avvikling == Some(true)
        || unit.under_tvangsavvikling_eller_tvangsopplosning == Some(true);
    let status = match () {
        () if is_deleted || deleted_at.is_some() => "deleted",
        () if unit.konkurs == Some(true) => "bankrupt",
        () if winding_up => "winding-up",
        () => "active",
    };
    let mut addresses = Map::new();
    for (name, address) in [
        ("forretningsadresse", unit.forretningsadresse),
        ("beliggenhetsadresse", unit.beliggenhetsadresse),
        ("postadresse", unit.postadresse),
    ] {
        if let Some(address @ Value::Object(_)) = address {
            addresses.insert(name.to_owned(), address);
        }
    }
    let address = (!addresses.is_empty()).then(|| json!(addresses));
    let staged = OrganizationUnit {
        number: unit.organisasjonsnummer.as_deref(),
        name: unit.navn.as_deref(),
        form: unit
            .organisasjonsform
            .as_ref()
            .and_then(|f| f.kode.as_deref()),
        parent: unit.overordnet_enhet.as_deref(),
        status: Some(status),
        deleted_at,
        address: address.as_ref(),
        ..OrganizationUnit::default()
    };
    staged.stage(number, &mut check, rows);
}

#[derive(Deserialize)]
struct BrregRoles<'a> {
    #[serde(borrow)]
    organisasjonsnummer: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    rollegrupper: Vec<BrregRoleGroup<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrregRoleGroup<'a> {
    #[serde(borrow)]
    sist_endret: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    roller: Vec<BrregRole<'a>>,
}

#[derive(Deserialize)]
struct BrregRole<'a> {
    #[serde(borrow, rename = "type")]
    kind: BrregCode<'a>,
    person: Option<Map<String, Value>>,
    #[serde(borrow)]
    enhet: Option<BrregHolderUnit<'a>>,
    #[serde(default)]
    fratraadt: bool,
    #[serde(default)]
    avregistrert: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrregHolderUnit<'a> {
    #[serde(borrow)]
    organisasjonsnummer: Option<Cow<'a, str>>,
    #[serde(default)]
    er_slettet: bool,
}

fn stage_roles(
    context: &ImportContext,
    options: &FileImportOptions,
    number: u64,
    text: &[u8],
    rows: &mut super::copy::CopyRows,
    findings: &mut ImportFindings,
) {
    let mut check = LineCheck::new(number, findings);
    let Some(unit) = read::<BrregRoles<'_>>(text, &mut check) else {
        return;
    };
    let from = check.required("organisasjonsnummer", unit.organisasjonsnummer.as_deref());
    let Some(from) = check.org_number("organisasjonsnummer", from) else {
        return;
    };
    for group in &unit.rollegrupper {
        let since = group
            .sist_endret
            .as_deref()
            .and_then(|text| text.get(..10))
            .and_then(|text| text.parse().ok());
        for role in group
            .roller
            .iter()
            .filter(|r| !r.fratraadt && !r.avregistrert)
        {
            let code = role.kind.kode.as_deref().unwrap_or_default();
            let Some(key) = context.catalogue.role_by_register_code(code).map(|r| r.key) else {
                check.warn(
                    "UNKNOWN_ROLE",
                    format!("role {code} is not known and is left out"),
                );
                continue;
            };
            match (&role.enhet, &role.person) {
                (Some(holder), _) if !holder.er_slettet => {
                    let text = check.required(
                        "enhet.organisasjonsnummer",
                        holder.organisasjonsnummer.as_deref(),
                    );
                    let Some(holder) = check
                        .org_number("enhet.organisasjonsnummer", text)
                        .filter(|holder| *holder != from)
                    else {
                        continue;
                    };
                    roles::write(
                        rows,
                        number,
                        from.as_str(),
                        key,
                        &RoleHolder {
                            org: Some(holder.as_str()),
                            ..RoleHolder::default()
                        },
                        since,
                        false,
                    );
                }
                (None, Some(person)) if person.get("erDoed") != Some(&Value::Bool(true)) => {
                    stage_person(
                        context,
                        options,
                        &mut check,
                        rows,
                        (number, from.as_str(), key, since),
                        person,
                    );
                }
                // Free text, deceased persons and deleted organisations hold nothing.
                _ => {}
            }
        }
    }
}

fn stage_person(
    context: &ImportContext,
    options: &FileImportOptions,
    check: &mut LineCheck<'_>,
    rows: &mut super::copy::CopyRows,
    (number, from, role, since): (u64, &str, i16, Option<chrono::NaiveDate>),
    person: &Map<String, Value>,
) {
    if let Some(text) = person
        .get(&options.person_id_member)
        .and_then(Value::as_str)
    {
        if let Some(id) = check.national_id(context, "person", text) {
            let index = context.identity.index(&id);
            roles::write(
                rows,
                number,
                from,
                role,
                &RoleHolder {
                    hmac: Some(&index),
                    ..RoleHolder::default()
                },
                since,
                false,
            );
        }
        return;
    }
    let part = |name: &str| {
        person
            .get("navn")
            .and_then(|n| n.get(name))
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|t| !t.is_empty())
    };
    let name = [part("fornavn"), part("mellomnavn"), part("etternavn")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    let birth = person
        .get("fodselsdato")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok());
    if name.is_empty() || birth.is_none() {
        check.warn(
            "NAMELESS",
            "a holder has no name or no birth date, and is left out",
        );
        return;
    }
    roles::write(
        rows,
        number,
        from,
        role,
        &RoleHolder {
            name: Some(&name),
            birth,
            ..RoleHolder::default()
        },
        since,
        false,
    );
}
