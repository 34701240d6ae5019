//! As much of XML as the answers of S3 need: the text of elements that hold no other of their name.

/// The insides of every `<tag>…</tag>`, in order. An answer that is cut off has fewer.
pub(super) fn all<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(&open) {
        rest = &rest[begin + open.len()..];
        let Some(end) = rest.find(&close) else { break };
        found.push(&rest[..end]);
        rest = &rest[end + close.len()..];
    }
    found
}

/// The inside of the first one.
pub(super) fn first<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    all(text, tag).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_their_keys_and_what_is_cut_off_is_none() {
        let text = "<R><Version><Key>a</Key><VersionId>1</VersionId></Version><DeleteMarker><Key>b</Key>\
                    </DeleteMarker><Version><Key>c";
        let versions = all(text, "Version");
        assert_eq!(versions, ["<Key>a</Key><VersionId>1</VersionId>"]);
        assert_eq!(first(versions[0], "Key"), Some("a"));
        assert_eq!(first(all(text, "DeleteMarker")[0], "Key"), Some("b"));
        assert_eq!(first(text, "IsTruncated"), None);
    }
}
