//! Tokens as a person writes them.

use quote::ToTokens;

/// The tokens without the spaces that printing puts everywhere.
pub(crate) fn spelled(tokens: &impl ToTokens) -> String {
    let printed = tokens.to_token_stream().to_string();
    let replacements =
        [(" :: ", "::"), (":: ", "::"), (" < ", "<"), ("< ", "<"), (" >", ">"), ("& ", "&"), (" ,", ","), (" :", ":")];
    replacements.iter().fold(printed, |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn reads_like_source() {
        assert_eq!(spelled(&quote!(&mut a::B<C, Vec<u8>>)), "&mut a::B<C, Vec<u8>>");
        assert_eq!(spelled(&quote!(self: Arc<Self>)), "self: Arc<Self>");
    }
}
