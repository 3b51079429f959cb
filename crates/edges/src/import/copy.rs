//! Rows in the text form of `COPY`.

use chrono::NaiveDate;
use uuid::Uuid;

/// Rows of one table, ready to be sent.
#[derive(Debug, Default)]
pub struct CopyRows {
    /// The text.
    pub bytes: Vec<u8>,
    /// How many rows.
    pub count: u64,
}

impl CopyRows {
    /// Begins a row.
    pub fn row(&mut self) -> CopyRow<'_> {
        self.count += 1;
        CopyRow {
            bytes: &mut self.bytes,
            first: true,
        }
    }
}

/// A row being written, field by field. It ends when it is dropped.
#[derive(Debug)]
pub struct CopyRow<'a> {
    bytes: &'a mut Vec<u8>,
    first: bool,
}

impl CopyRow<'_> {
    fn separate(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.bytes.push(b'\t');
        }
    }

    fn null(&mut self) {
        self.separate();
        self.bytes.extend_from_slice(b"\\N");
    }

    /// Text. It holds no NUL: the reader refuses lines that do.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        for byte in value.bytes() {
            match byte {
                b'\\' => self.bytes.extend_from_slice(b"\\\\"),
                b'\t' => self.bytes.extend_from_slice(b"\\t"),
                b'\n' => self.bytes.extend_from_slice(b"\\n"),
                b'\r' => self.bytes.extend_from_slice(b"\\r"),
                byte => self.bytes.push(byte),
            }
        }
        self
    }

    /// What prints without any character that would have to be escaped: numbers, dates, uuids.
    fn plain(&mut self, value: impl std::fmt::Display) -> &mut Self {
        use std::io::Write as _;
        self.separate();
        let _ = write!(self.bytes, "{value}");
        self
    }

    /// Text, or null.
    pub fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        if let Some(text) = value {
            return self.text(text);
        }
        self.null();
        self
    }

    fn optional(&mut self, value: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            return self.plain(value);
        }
        self.null();
        self
    }

    /// A line number.
    pub fn line(&mut self, value: u64) -> &mut Self {
        self.plain(value)
    }

    /// A small key.
    pub fn small(&mut self, value: i16) -> &mut Self {
        self.plain(value)
    }

    /// A number, or null.
    pub fn optional_integer(&mut self, value: Option<i32>) -> &mut Self {
        self.optional(value)
    }

    /// A date, or null.
    pub fn optional_date(&mut self, value: Option<NaiveDate>) -> &mut Self {
        self.optional(value)
    }

    /// A uuid.
    pub fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.plain(value)
    }

    /// A uuid, or null.
    pub fn optional_uuid(&mut self, value: Option<Uuid>) -> &mut Self {
        self.optional(value)
    }

    /// Yes or no.
    pub fn flag(&mut self, value: bool) -> &mut Self {
        self.plain(if value { 't' } else { 'f' })
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.plain(format_args!(
            "\\\\x{}",
            data_encoding::HEXLOWER.encode_display(value)
        ))
    }

    /// Bytes, or null.
    pub fn optional_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        if let Some(bytes) = value {
            return self.bytes(bytes);
        }
        self.null();
        self
    }

    /// A list of bytes.
    pub fn list_of_bytes(&mut self, values: &[Vec<u8>]) -> &mut Self {
        let items: Vec<String> = values
            .iter()
            .map(|v| format!("\"\\\\\\\\x{}\"", data_encoding::HEXLOWER.encode(v)))
            .collect();
        self.plain(format_args!("{{{}}}", items.join(",")))
    }

    /// A list of small keys.
    pub fn list_of_small(&mut self, values: &[i16]) -> &mut Self {
        let items: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.plain(format_args!("{{{}}}", items.join(",")))
    }

    /// JSON, or null.
    pub fn optional_json(&mut self, value: Option<&serde_json::Value>) -> &mut Self {
        if let Some(json) = value {
            return self.text(&json.to_string());
        }
        self.null();
        self
    }
}

impl Drop for CopyRow<'_> {
    fn drop(&mut self) {
        self.bytes.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_copy_reads() {
        let mut rows = CopyRows::default();
        rows.row()
            .line(7)
            .text("a\tb\\c\nd")
            .optional_text(None)
            .bytes(&[1, 255])
            .list_of_bytes(&[vec![2]])
            .list_of_small(&[1, 2])
            .flag(true);
        let text = String::from_utf8(rows.bytes).unwrap();
        assert_eq!(
            text,
            "7\ta\\tb\\\\c\\nd\t\\N\t\\\\x01ff\t{\"\\\\\\\\x02\"}\t{1,2}\tt\n"
        );
        assert_eq!(rows.count, 1);
    }
}
