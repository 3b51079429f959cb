//! Columns whose content may not fit their type.

use std::fmt::Display;

use sqlx::{Decode, Postgres, Type, postgres::PgTypeInfo, postgres::PgValueRef};

use super::DbError;

/// What a column holds, or why it could not be read. A row that has such columns is read whole, so that
/// the error can name it.
#[derive(Debug)]
pub struct Column<T>(Result<T, String>);

impl<T> Column<T> {
    /// The content. `column` is the name of table and column, `key` identifies the row.
    ///
    /// # Errors
    /// [`DbError::Unreadable`] for content that this program cannot read.
    pub fn read(self, column: &'static str, key: impl Display) -> Result<T, DbError> {
        self.0.map_err(|reason| DbError::Unreadable {
            column,
            key: key.to_string(),
            reason,
        })
    }
}

impl<T: Type<Postgres>> Type<Postgres> for Column<T> {
    fn type_info() -> PgTypeInfo {
        T::type_info()
    }

    fn compatible(info: &PgTypeInfo) -> bool {
        T::compatible(info)
    }
}

impl<'r, T: Decode<'r, Postgres>> Decode<'r, Postgres> for Column<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(Self(T::decode(value).map_err(|error| error.to_string())))
    }
}

/// Lets an enum be the content of a text column: it has `from_stored`, which gives none for a word that it
/// does not know.
#[macro_export]
macro_rules! text_column {
    ($type:ty) => {
        impl ::sqlx::Type<::sqlx::Postgres> for $type {
            fn type_info() -> ::sqlx::postgres::PgTypeInfo {
                <str as ::sqlx::Type<::sqlx::Postgres>>::type_info()
            }

            fn compatible(info: &::sqlx::postgres::PgTypeInfo) -> bool {
                <str as ::sqlx::Type<::sqlx::Postgres>>::compatible(info)
            }
        }

        impl<'r> ::sqlx::Decode<'r, ::sqlx::Postgres> for $type {
            fn decode(
                value: ::sqlx::postgres::PgValueRef<'r>,
            ) -> ::std::result::Result<Self, ::sqlx::error::BoxDynError> {
                let word = <&str as ::sqlx::Decode<'r, ::sqlx::Postgres>>::decode(value)?;
                Self::from_stored(word)
                    .ok_or_else(|| ::std::format!("unknown word `{word}`").into())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_column_and_row() {
        let column: Column<i32> = Column(Err("unknown word `x`".to_owned()));
        let error = column.read("request.status", 7).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`request.status` of the row 7 cannot be read: unknown word `x`"
        );
    }
}
