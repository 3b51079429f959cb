//! Files as they come: plain or gzip, from a path or from standard input, of any size.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context as _;
use aws_lc_rs::digest;
use flate2::read::MultiGzDecoder;

/// Bytes read so far of the file as it is stored, for progress.
#[derive(Debug, Clone, Default)]
pub struct ReadProgress(Arc<AtomicU64>);

impl ReadProgress {
    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct CountingReader<R> {
    inner: R,
    position: ReadProgress,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A file about to be read.
pub struct ImportSource {
    /// Its text, unpacked.
    pub reader: Box<dyn BufRead + Send>,
    /// SHA-256 of the file as it is stored. Of standard input nothing is known beforehand: then it
    /// is of random bytes.
    pub sha256: [u8; 32],
    /// Size in bytes; none for standard input.
    pub size: Option<u64>,
    /// How far reading has come.
    pub position: ReadProgress,
}

impl std::fmt::Debug for ImportSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

const BUFFER: usize = 256 * 1024;

/// The caller names the file.
const CANNOT_BE_READ: &str = "it cannot be read";

/// Opens a file, `-` for standard input. Gzip is recognised by its first bytes. The file is read
/// through once, for its digest.
///
/// # Errors
/// It cannot be read.
pub fn open(path: &Path) -> anyhow::Result<ImportSource> {
    let position = ReadProgress::default();
    if path == Path::new("-") {
        let mut sha256 = [0; 32];
        aws_lc_rs::rand::fill(&mut sha256)
            .ok()
            .context("no random bytes")?;
        let reader = unpacked(CountingReader {
            inner: io::stdin(),
            position: position.clone(),
        })?;
        return Ok(ImportSource {
            reader,
            sha256,
            size: None,
            position,
        });
    }
    let mut file = File::open(path).context(CANNOT_BE_READ)?;
    anyhow::ensure!(
        file.metadata().context(CANNOT_BE_READ)?.is_file(),
        "it is not a file"
    );
    let sha256 = digest_of(&mut file).context(CANNOT_BE_READ)?;
    let size = file.stream_position().context(CANNOT_BE_READ)?;
    file.rewind().context(CANNOT_BE_READ)?;
    let reader = unpacked(CountingReader {
        inner: file,
        position: position.clone(),
    })
    .context(CANNOT_BE_READ)?;
    Ok(ImportSource {
        reader,
        sha256,
        size: Some(size),
        position,
    })
}

/// A file that is in memory.
pub fn embedded(bytes: Vec<u8>) -> ImportSource {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
    let size = Some(bytes.len() as u64);
    ImportSource {
        reader: Box::new(io::Cursor::new(bytes)),
        sha256,
        size,
        position: ReadProgress::default(),
    }
}

fn digest_of(file: &mut File) -> io::Result<[u8; 32]> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Ok(out)
}

fn unpacked(reader: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let is_gzip = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(reader),
        ))
    } else {
        Box::new(reader)
    })
}

/// Reads the next line of at most `limit` bytes, without its end, into `line`. False at the end of
/// the file. A longer line is skipped whole, and leaves `line` empty with `true` in the second
/// place.
///
/// # Errors
/// The file cannot be read on, or is broken off within its compression.
pub fn next_line(
    reader: &mut dyn BufRead,
    line: &mut Vec<u8>,
    limit: usize,
) -> io::Result<(bool, bool)> {
    line.clear();
    let mut too_long = false;
    let mut seen = false;
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok((seen, too_long));
        }
        seen = true;
        let end = memchr::memchr(b'\n', available);
        let part = &available[..end.unwrap_or(available.len())];
        if too_long || line.len() + part.len() > limit {
            too_long = true;
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok((true, too_long));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let text = format!("a\r\n\n{}\nlast", "x".repeat(100));
        let mut reader = BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut seen = Vec::new();
        while let (true, too_long) = next_line(&mut reader, &mut line, 50).unwrap() {
            seen.push((String::from_utf8(line.clone()).unwrap(), too_long));
        }
        assert_eq!(
            seen,
            [
                ("a".to_owned(), false),
                (String::new(), false),
                (String::new(), true),
                ("last".to_owned(), false)
            ]
        );
    }
}
