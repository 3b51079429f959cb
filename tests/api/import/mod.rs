//! Bulk import as an operator runs it: files in, questions to the running service after.

pub mod files;
mod inheritance;
mod open_data;
mod operator;
mod plans;
mod single_rights;
