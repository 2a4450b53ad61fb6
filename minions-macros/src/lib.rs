//! The attribute macros of Minions.

mod app;
mod attr;
mod block;
mod component;
mod diag;
mod duration;
mod hooks;
mod kind;
mod limit;
mod minion;
mod name;
mod paths;
mod similar;
mod text;
mod track;
