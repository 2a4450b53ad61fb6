//! Values that go into statements, and values that come out of them.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, ToSqlOutput, Type, ValueRef};

use super::Binder;

/// A value of SQLite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'v> {
    /// `NULL`.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// A text.
    Text(&'v str),
    /// Bytes.
    Blob(&'v [u8]),
}

impl<'v> Value<'v> {
    pub(super) fn output(self) -> ToSqlOutput<'v> {
        ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(value),
            Self::Real(value) => ValueRef::Real(value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        })
    }
}

/// What can be a parameter of a statement.
///
/// Integers above `i64::MAX` have no form in SQLite, so `u64` and `usize` are left out: convert them as it suits you.
pub trait ToValue {
    /// The value as SQLite knows it.
    fn to_value(&self) -> Value<'_>;
}

/// What a column of a row can be read as.
pub trait FromValue: Sized {
    /// Reads `value`; nothing if it is of another type, or out of range.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl ToValue for $type {
            fn to_value(&self) -> Value<'_> {
                Value::Integer(i64::from(*self))
            }
        }

        impl FromValue for $type {
            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    Value::Integer(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        }
    )* };
}
integers!(i8, i16, i32, i64, u8, u16, u32);

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(value) => Some(value != 0),
            _ => None,
        }
    }
}

impl ToValue for f64 {
    fn to_value(&self) -> Value<'_> {
        Value::Real(*self)
    }
}

impl FromValue for f64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Real(value) => Some(value),
            // A column without a type gives back what looks like an integer as one.
            Value::Integer(value) => Some(value as f64),
            _ => None,
        }
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        *self
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

/// The parameters of a statement: a tuple of values, or a list of values of one type; `()` for none.
///
/// They are bound by their place, so write `?1`, `?2` and so on.
pub trait Params {
    #[doc(hidden)]
    fn count(&self) -> usize;

    #[doc(hidden)]
    fn bind(&self, binder: &mut Binder<'_, '_>) -> rusqlite::Result<()>;
}

/// What a row can be read as: a tuple of its columns, or the value of its only one.
pub trait FromRow: Sized {
    #[doc(hidden)]
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;
}

impl<T: ToValue> Params for [T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn bind(&self, binder: &mut Binder<'_, '_>) -> rusqlite::Result<()> {
        self.iter().try_for_each(|value| binder.push(value))
    }
}

impl<T: ToValue, const N: usize> Params for [T; N] {
    fn count(&self) -> usize {
        N
    }

    fn bind(&self, binder: &mut Binder<'_, '_>) -> rusqlite::Result<()> {
        self.iter().try_for_each(|value| binder.push(value))
    }
}

impl<P: Params + ?Sized> Params for &P {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn bind(&self, binder: &mut Binder<'_, '_>) -> rusqlite::Result<()> {
        (**self).bind(binder)
    }
}

impl Params for () {
    fn count(&self) -> usize {
        0
    }

    fn bind(&self, _: &mut Binder<'_, '_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

impl<T: FromValue> FromRow for T {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        column(row, 0)
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $at:tt),*;)*) => { $(
        impl<$($name: ToValue),*> Params for ($($name,)*) {
            fn count(&self) -> usize {
                $count
            }

            fn bind(&self, binder: &mut Binder<'_, '_>) -> rusqlite::Result<()> {
                $(binder.push(&self.$at)?;)*
                Ok(())
            }
        }

        impl<$($name: FromValue),*> FromRow for ($($name,)*) {
            fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
                Ok(($(column::<$name>(row, $at)?,)*))
            }
        }
    )* };
}
tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}

fn column<T: FromValue>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    struct Read<T>(T);

    impl<T: FromValue> FromSql for Read<T> {
        fn column_result(value: ValueRef<'_>) -> Result<Self, FromSqlError> {
            let value = match value {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Integer(value),
                ValueRef::Real(value) => Value::Real(value),
                ValueRef::Text(_) => Value::Text(value.as_str()?),
                ValueRef::Blob(value) => Value::Blob(value),
            };
            T::from_value(value).map(Self).ok_or(FromSqlError::InvalidType)
        }
    }

    let named = || row.as_ref().column_name(at).unwrap_or_default().to_owned();
    match row.get::<_, Read<T>>(at) {
        Ok(Read(value)) => Ok(value),
        Err(rusqlite::Error::InvalidColumnType(_, _, kind)) => {
            let text =
                format!("the column `{}` holds a {}, which is no {}", named(), of(kind), std::any::type_name::<T>());
            Err(rusqlite::Error::FromSqlConversionFailure(at, kind, text.into()))
        }
        Err(error) => Err(error),
    }
}

fn of(kind: Type) -> &'static str {
    match kind {
        Type::Null => "null",
        Type::Integer => "number",
        Type::Real => "floating point number",
        Type::Text => "text",
        Type::Blob => "blob",
    }
}
