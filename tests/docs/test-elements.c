/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* test-elements FOLDER: each page FOLDER/ELEMENT.md has the properties, signals and pads that the element has, and no others: with the values that they
 * take, their defaults, and when they may be changed. What a table is, its header tells. The elements are those of our plugins
 * that were built. */

#include <gst/gst.h>
#include <string.h>

typedef struct {
  const char *element;
  GstElement *instance;
  GString *wrong;               /* a line each */
  GHashTable *told;             /* names on the page */
} Page;

static void wrong (Page *page, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
wrong (Page *page, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_string_append (page->wrong, "# ");
  g_string_append_vprintf (page->wrong, format, args);
  g_string_append_c (page->wrong, '\n');
  va_end (args);
}

/* The text between backquotes: an array of them. */
static char **
spans (const char *cell)
{
  GStrvBuilder *builder = g_strv_builder_new ();
  char **parts = g_strsplit (cell, "`", -1), **found;

  for (guint i = 0; parts[0] && parts[i] && i + 1 < g_strv_length (parts); i++)
    if (i % 2)
      g_strv_builder_add (builder, parts[i]);
  found = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  g_strfreev (parts);
  return found;
}

/* ---- Properties ---------------------------------------------------------------------------------------- */

static char *
number (const GValue *value)
{
  GValue text = G_VALUE_INIT;
  char *s;

  if (G_VALUE_HOLDS_DOUBLE (value))
    return g_strdup_printf ("%g", g_value_get_double (value));
  if (G_VALUE_HOLDS_BOOLEAN (value))
    return g_strdup (g_value_get_boolean (value) ? "true" : "false");
  if (GST_VALUE_HOLDS_FRACTION (value))
    return g_strdup_printf ("%d/%d", gst_value_get_fraction_numerator (value), gst_value_get_fraction_denominator (value));
  if (G_VALUE_HOLDS_ENUM (value)) {
    GEnumClass *klass = g_type_class_ref (G_VALUE_TYPE (value));

    s = g_strdup (g_enum_get_value (klass, g_value_get_enum (value))->value_nick);
    g_type_class_unref (klass);
    return s;
  }
  g_value_init (&text, G_TYPE_STRING);
  g_value_transform (value, &text);
  s = g_value_dup_string (&text);
  g_value_unset (&text);
  return s ? s : g_strdup ("none");
}

#define RANGE(Type, TYPE, FORMAT, huge) \
  if (G_IS_PARAM_SPEC_##TYPE (spec)) { \
    G_GNUC_UNUSED GParamSpec##Type *s = G_PARAM_SPEC_##TYPE (spec); \
    return (huge) ? g_strdup_printf ("`" FORMAT "` or more", s->minimum) : g_strdup_printf ("`" FORMAT "` – `" FORMAT "`", s->minimum, s->maximum); \
  }

/* As the pages have it. */
static char *
values_of (GParamSpec *spec)
{
  if (G_IS_PARAM_SPEC_ENUM (spec)) {
    GEnumClass *klass = G_PARAM_SPEC_ENUM (spec)->enum_class;
    GString *list = g_string_new (NULL);

    for (guint i = 0; i < klass->n_values; i++)
      g_string_append_printf (list, "%s`%s`", i ? ", " : "", klass->values[i].value_nick);
    return g_string_free (list, FALSE);
  }
  RANGE (UInt, UINT, "%u", FALSE);
  RANGE (UInt64, UINT64, "%" G_GUINT64_FORMAT, s->maximum >= G_MAXINT64);
  RANGE (Double, DOUBLE, "%g", FALSE);
  if (G_IS_PARAM_SPEC_BOOLEAN (spec))
    return g_strdup ("`false`, `true`");
  if (G_IS_PARAM_SPEC_STRING (spec))
    return g_strdup ("text");
  if (GST_IS_PARAM_SPEC_FRACTION (spec))
    return g_strdup ("`0/1` or more");
  return g_strdup ("structure");
}

static const char *
changes_of (GParamSpec *spec)
{
  return !(spec->flags & G_PARAM_WRITABLE) ? "read" : spec->flags & GST_PARAM_MUTABLE_PLAYING ? "playing" : "stopped";
}

static void
compare (Page *page, const char *property, const char *what, const char *told, const char *is)
{
  if (!g_str_equal (told, is))
    wrong (page, "%s: %s is \"%s\", not \"%s\"", property, what, is, told);
}

static void
check_property (Page *page, char **cells)
{
  char **name = spans (cells[1]), **preset = spans (cells[3]);
  GParamSpec *spec = *name ? g_object_class_find_property (G_OBJECT_GET_CLASS (page->instance), *name) : NULL;

  if (!spec) {
    wrong (page, "there is no property %s", *name ? *name : cells[1]);
  } else {
    gboolean boxed = G_IS_PARAM_SPEC_BOXED (spec);
    char *values = values_of (spec), *is = boxed ? NULL : number (g_param_spec_get_default_value (spec));

    g_hash_table_add (page->told, g_strdup (*name));
    compare (page, *name, "values", cells[2], values);
    compare (page, *name, "changes", cells[4], changes_of (spec));
    if (!boxed)
      compare (page, *name, "default", *preset ? *preset : cells[3], is);
    g_free (values);
    g_free (is);
  }
  g_strfreev (name);
  g_strfreev (preset);
}

/* Those that the bin has from the elements within are on their pages. */
static gboolean
is_own (Page *page, GParamSpec *spec)
{
  static const char *const within[] = { "bitmarencode", "bitmarmemory", "bitmarcaption" };
  gboolean own = strstr (g_type_name (spec->owner_type), "Bitmar") != NULL;

  if (!g_str_equal (page->element, "bitmarcaptionbin") || g_str_equal (spec->name, "stats"))
    return own;
  for (guint i = 0; own && i < G_N_ELEMENTS (within); i++) {
    GstElement *element = gst_element_factory_make (within[i], NULL);

    own = !g_object_class_find_property (G_OBJECT_GET_CLASS (element), spec->name);
    gst_object_unref (element);
  }
  return own;
}

static void
check_all_told (Page *page)
{
  guint n, n_signals;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (page->instance), &n);
  guint *signals = g_signal_list_ids (G_OBJECT_TYPE (page->instance), &n_signals);

  for (guint i = 0; i < n; i++)
    if (is_own (page, specs[i]) && !g_hash_table_contains (page->told, specs[i]->name))
      wrong (page, "the property %s is missing", specs[i]->name);
  for (guint i = 0; i < n_signals; i++)
    if (!g_hash_table_contains (page->told, g_signal_name (signals[i])))
      wrong (page, "the signal %s is missing", g_signal_name (signals[i]));
  for (const GList *t = gst_element_get_pad_template_list (page->instance); t; t = t->next)
    if (!g_hash_table_contains (page->told, GST_PAD_TEMPLATE_NAME_TEMPLATE (t->data)))
      wrong (page, "the pad %s is missing", GST_PAD_TEMPLATE_NAME_TEMPLATE (t->data));
  g_free (specs);
  g_free (signals);
}

/* ---- Signals and pads ---------------------------------------------------------------------------------- */

/* `name (argument, argument)`, several in a cell. */
static void
check_signals (Page *page, char **cells)
{
  char **all = spans (cells[1]);

  for (char **s = all; *s; s++) {
    char **parts = g_strsplit_set (*s, "()", -1);
    guint id = g_signal_lookup (g_strstrip (parts[0]), G_OBJECT_TYPE (page->instance)), arguments = 0;
    GSignalQuery query;

    for (const char *c = parts[0] && parts[1] ? parts[1] : ""; *c; c++)
      arguments = MAX (arguments, 1) + (*c == ',');
    g_signal_query (id, &query);
    if (!id)
      wrong (page, "there is no signal %s", parts[0]);
    else if (query.n_params != arguments)
      wrong (page, "the signal %s has %u arguments, not %u", parts[0], query.n_params, arguments);
    g_hash_table_add (page->told, g_strdup (parts[0]));
    g_strfreev (parts);
  }
  g_strfreev (all);
}

static void
check_pads (Page *page, char **cells)
{
  char **all = spans (cells[1]);

  for (char **s = all; *s; s++) {
    GstPadTemplate *template = gst_element_get_pad_template (page->instance, *s);

    if (!template)
      wrong (page, "there is no pad %s", *s);
    else if (!strstr (cells[1], GST_PAD_TEMPLATE_PRESENCE (template) == GST_PAD_REQUEST ? "(on request)" : "(always)"))
      wrong (page, "the pad %s is there at another time than the page says", *s);
    g_hash_table_add (page->told, g_strdup (*s));
  }
  g_strfreev (all);
}

/* ---- Pages --------------------------------------------------------------------------------------------- */

static void
check_row (Page *page, char **header, char **cells)
{
  guint n = g_strv_length (header);

  if (n >= 6 && g_str_equal (header[2], "values") && g_str_equal (header[3], "default") && g_str_equal (header[4], "changes"))
    check_property (page, cells);
  else if (n >= 3 && g_str_has_suffix (header[1], "signal"))
    check_signals (page, cells);
  else if (n >= 3 && g_str_equal (header[1], "pad"))
    check_pads (page, cells);
}

static char **
cells_of (const char *line)
{
  char **cells = g_strsplit (line, "|", -1);

  for (char **c = cells; *c; c++)
    g_strstrip (*c);
  return cells;
}

static void
check_page (Page *page, const char *text)
{
  char **lines = g_strsplit (text, "\n", -1), **header = NULL;

  for (char **line = lines; *line; line++) {
    char **cells = cells_of (*line);

    if (!g_str_has_prefix (*line, "|"))
      g_clear_pointer (&header, g_strfreev);
    else if (!header)
      header = g_strdupv (cells);
    else if (!g_str_has_prefix (*line, "|--") && g_strv_length (cells) != g_strv_length (header))
      wrong (page, "a row has other columns than its table: %s", *line);
    else if (!g_str_has_prefix (*line, "|--"))
      check_row (page, header, cells);
    g_strfreev (cells);
  }
  g_strfreev (header);
  g_strfreev (lines);
  check_all_told (page);
}

/* A line of TAP. */
static gboolean
run (const char *folder, const char *element, guint n)
{
  Page page = { .element = element, .instance = gst_element_factory_make (element, NULL), .wrong = g_string_new (NULL),
    .told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  char *path = g_strconcat (folder, "/", element, ".md", NULL), *text = NULL;
  gboolean good;

  if (g_file_get_contents (path, &text, NULL, NULL) && page.instance)
    check_page (&page, text);
  else
    wrong (&page, "%s: there is no such page, or the element can't be made", path);
  good = page.wrong->len == 0;
  g_print ("%s %u - %s.md has what the element has\n%s", good ? "ok" : "not ok", n, element, page.wrong->str);
  gst_clear_object (&page.instance);
  g_hash_table_unref (page.told);
  g_string_free (page.wrong, TRUE);
  g_free (path);
  g_free (text);
  return good;
}

/* All elements of our plugins, by the registry. */
static GPtrArray *
elements (void)
{
  static const char *const plugins[] = { "bitmar", "bitmaronvif" };
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < G_N_ELEMENTS (plugins); i++) {
    GList *features = gst_registry_get_feature_list_by_plugin (gst_registry_get (), plugins[i]);

    for (GList *f = features; f; f = f->next)
      if (GST_IS_ELEMENT_FACTORY (f->data))
        g_ptr_array_add (names, g_strdup (GST_OBJECT_NAME (f->data)));
    gst_plugin_feature_list_free (features);
  }
  return names;
}

int
main (int argc, char **argv)
{
  GPtrArray *names;
  gboolean good = TRUE;

  gst_init (&argc, &argv);
  names = elements ();
  good = names->len >= 4;
  for (guint i = 0; i < names->len; i++)
    good = run (argv[1], g_ptr_array_index (names, i), i + 1) && good;
  g_print ("1..%u\n", names->len);
  g_ptr_array_unref (names);
  gst_deinit ();
  return !good;
}
