//! Markdown of the documentation as HTML of the pages. The texts are our own, embedded in the program.

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};

/// HTML with the classes of the design system. A first-level heading is left out: the page has it.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut in_title = false;
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Start(Tag::Heading {
            level: HeadingLevel::H1,
            ..
        }) => {
            in_title = true;
            None
        }
        Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
            in_title = false;
            None
        }
        _ if in_title => None,
        other => Some(dressed(other)),
    });
    html::push_html(&mut out, events);
    out
}

/// The first-level heading.
#[must_use]
pub fn title(text: &str) -> &str {
    text.lines()
        .find_map(|line| line.strip_prefix("# "))
        .unwrap_or_default()
}

fn dressed(event: Event<'_>) -> Event<'_> {
    let opening = |html: &'static str| Event::Html(CowStr::Borrowed(html));
    match event {
        Event::Start(Tag::Paragraph) => opening("<p class=\"ds-paragraph\">"),
        Event::Start(Tag::List(None)) => opening("<ul class=\"ds-list\">"),
        Event::Start(Tag::List(Some(_))) => opening("<ol class=\"ds-list\">"),
        Event::Start(Tag::Table(_)) => opening(
            "<div class=\"sb-scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table class=\"ds-table\" data-border data-size=\"sm\">",
        ),
        Event::End(TagEnd::Table) => opening("</tbody></table></div>\n"),
        Event::Start(Tag::CodeBlock(kind)) => {
            let language = match kind {
                CodeBlockKind::Fenced(language) => language,
                CodeBlockKind::Indented => CowStr::Borrowed(""),
            };
            let html = format!(
                "<pre class=\"sb-code\" tabindex=\"0\"><code class=\"language-{language}\">"
            );
            Event::Html(html.into())
        }
        Event::Start(Tag::Heading {
            level: level @ HeadingLevel::H2,
            ..
        }) => Event::Html(format!("<{level} class=\"ds-heading\" data-size=\"sm\">").into()),
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Html(format!("<{level} class=\"ds-heading\" data-size=\"xs\">").into())
        }
        Event::Start(Tag::Link {
            dest_url, title: _, ..
        }) => Event::Html(
            format!(
                "<a class=\"ds-link\" href=\"{}\">",
                dest_url.replace('&', "&amp;").replace('"', "&quot;")
            )
            .into(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_gets_the_classes_of_the_pages() {
        let text = "# Title\n\nSay `a < b` [here](/docs?a=1&b=2).\n\n```sh\necho \"<b>\"\n```\n";
        let expected = "<p class=\"ds-paragraph\">Say <code>a &lt; b</code> <a class=\"ds-link\" href=\"/docs?a=1&amp;b=2\">here</a>.</p>\n\
            <pre class=\"sb-code\" tabindex=\"0\"><code class=\"language-sh\">echo \"&lt;b&gt;\"\n</code></pre>\n";
        assert_eq!(html(text), expected);
    }
}
