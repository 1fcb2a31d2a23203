/* SPDX-License-Identifier: MPL-2.0
 *
 * The option table as what gets installed: a configuration file in which every option stands with
 * its default as a comment, and the list of options of a manual page (mdoc).
 *
 * Promises: the file read as it is changes nothing, and with all its comment marks of options taken
 * away it changes nothing either. Leaves to others: the head and the rest of the page.
 */
#include <ctype.h>
#include <string.h>

#include "rt/buf.h"
#include "rt/config_internal.h"

#define COLUMNS 98

/* --- The file */

/* Words as comment lines of at most COLUMNS bytes. */
static enum err write_comment(const char *text, struct buf *out)
{
    size_t used = 0;
    enum err err = ERR_OK;
    while (!err && *text) {
        size_t size = strcspn(text, " ");
        if (used > 0 && used + 1 + size > COLUMNS) {
            err = buf_append_text(out, "\n");
            used = 0;
        }
        if (!err)
            err = buf_append_format(out, "%s%.*s", used ? " " : "# ", (int)size, text);
        used += size + (used ? 1 : 2);
        text += size;
        text += strspn(text, " ");
    }
    return err ? err : buf_append_text(out, "\n");
}

static enum err write_example(const struct config_option *option, struct buf *out)
{
    struct buf text;
    buf_init(&text, CONFIG_TEXT_MAX);
    enum err err = buf_append_format(&text, "%s (", option->help);
    if (!err)
        err = config_write_range(option, &text);
    if (!err)
        err = buf_append_format(&text, "; changed by %s)",
                                option->is_reloadable ? "reload" : "restart");
    if (!err)
        err = write_comment(buf_text(&text), out);
    buf_fini(&text);
    if (err)
        return err;
    return buf_append_format(out, "#%s =%s%s\n", config_short_name(option),
                             *option->default_text ? " " : "", option->default_text);
}

enum err config_write_example(const struct config_schema *schema, struct buf *out)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < schema->option_count; i++) {
        const struct config_option *option = &schema->options[i];
        if (config_begins_section(schema, i))
            err = buf_append_format(out, "%s[%.*s]\n", i ? "\n" : "",
                                    (int)strcspn(option->key, "."), option->key);
        if (!err)
            err = write_example(option, out);
    }
    return err;
}

/* --- The page */

/* One byte of running text: what mdoc would take for its own is escaped, a quoted `word` gets
 * opening and closing marks. */
static enum err write_byte(char byte, bool *is_quoted, struct buf *out)
{
    if (byte == '\\')
        return buf_append_text(out, "\\e");
    if (byte != '`')
        return buf_append(out, &byte, 1);
    *is_quoted = !*is_quoted;
    return buf_append_text(out, *is_quoted ? "\\(oq" : "\\(cq");
}

/* mdoc wants each sentence to begin a line; a line must not begin like a request. */
enum err config_write_mdoc(const char *text, struct buf *out)
{
    bool is_quoted = false, is_begin = true;
    enum err err = ERR_OK;
    for (const char *at = text; !err && *at; at++) {
        if (is_begin && (*at == '.' || *at == '\''))
            err = buf_append_text(out, "\\&");
        is_begin = *at == '\n';
        if (!err)
            err = write_byte(*at, &is_quoted, out);
        if (err || (*at != '.' && *at != '?') || at[1] != ' ' || !isupper((unsigned char)at[2]))
            continue;
        err = buf_append_text(out, "\n");
        is_begin = true;
        at++;
    }
    return err;
}

static enum err write_item(const struct config_option *option, struct buf *out)
{
    enum err err = buf_append_format(out, ".It Cm %s", option->key);
    if (!err && *option->default_text)
        err = buf_append_format(out, " = Ar \"%s\"", option->default_text);
    if (!err)
        err = buf_append_text(out, "\n");
    if (!err)
        err = config_write_mdoc(option->help, out);
    if (!err)
        err = buf_append_text(out, "\n(");
    if (!err)
        err = config_write_range(option, out);
    return err ? err
               : buf_append_format(out, "; changed by %s)\n",
                                   option->is_reloadable ? "reload" : "restart");
}

enum err config_write_manual(const struct config_schema *schema, struct buf *out)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < schema->option_count; i++) {
        const char *key = schema->options[i].key;
        if (config_begins_section(schema, i))
            err = buf_append_format(out, "%s.Ss %.*s\n.Bl -tag -width Ds\n", i ? ".El\n" : "",
                                    (int)strcspn(key, "."), key);
        if (!err)
            err = write_item(&schema->options[i], out);
    }
    return err ? err : buf_append_text(out, ".El\n");
}
