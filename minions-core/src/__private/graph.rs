//! The compile-time search for cycles between resources.
