/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ghostprops.h"

/* GObject copies no GParamSpec, so each kind that our elements use has a line here. NULL for another. */
static GParamSpec *
copy_spec (GParamSpec *spec)
{
  const char *name = spec->name, *nick = g_param_spec_get_nick (spec), *blurb = g_param_spec_get_blurb (spec);
  GParamFlags flags = spec->flags;

  if (G_IS_PARAM_SPEC_STRING (spec))
    return g_param_spec_string (name, nick, blurb, G_PARAM_SPEC_STRING (spec)->default_value, flags);
  if (G_IS_PARAM_SPEC_BOOLEAN (spec))
    return g_param_spec_boolean (name, nick, blurb, G_PARAM_SPEC_BOOLEAN (spec)->default_value, flags);
  if (G_IS_PARAM_SPEC_ENUM (spec))
    return g_param_spec_enum (name, nick, blurb, spec->value_type, G_PARAM_SPEC_ENUM (spec)->default_value, flags);
  if (G_IS_PARAM_SPEC_BOXED (spec))
    return g_param_spec_boxed (name, nick, blurb, spec->value_type, flags);
  if (GST_IS_PARAM_SPEC_FRACTION (spec)) {
    GstParamSpecFraction *s = GST_PARAM_SPEC_FRACTION (spec);
    return gst_param_spec_fraction (name, nick, blurb, s->min_num, s->min_den, s->max_num, s->max_den, s->def_num,
        s->def_den, flags);
  }
  if (G_IS_PARAM_SPEC_UINT (spec)) {
    GParamSpecUInt *s = G_PARAM_SPEC_UINT (spec);
    return g_param_spec_uint (name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  }
  if (G_IS_PARAM_SPEC_UINT64 (spec)) {
    GParamSpecUInt64 *s = G_PARAM_SPEC_UINT64 (spec);
    return g_param_spec_uint64 (name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  }
  if (G_IS_PARAM_SPEC_DOUBLE (spec)) {
    GParamSpecDouble *s = G_PARAM_SPEC_DOUBLE (spec);
    return g_param_spec_double (name, nick, blurb, s->minimum, s->maximum, s->default_value, flags);
  }
  return NULL;
}

guint
bitmar_ghost_properties (GObjectClass *klass, GType child, guint first_id)
{
  GObjectClass *child_class = g_type_class_ref (child);
  guint n, id = first_id;
  GParamSpec **specs = g_object_class_list_properties (child_class, &n);

  for (guint i = 0; i < n; i++) {
    GParamSpec *copy = NULL;

    if (!g_type_is_a (GST_TYPE_ELEMENT, specs[i]->owner_type) && !g_object_class_find_property (klass, specs[i]->name))
      copy = copy_spec (specs[i]);
    if (copy)
      g_object_class_install_property (klass, id++, copy);
  }
  g_free (specs);
  g_type_class_unref (child_class);
  return id;
}
