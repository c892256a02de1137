/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The public types are abstract, so that no binding makes an object that its constructor has not seen; what constructors make is of a hidden type. */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* Defines the type, and NAME_make(), which makes an object of zeros. */
#define BITMAR_DEFINE_TYPE(Name, name) \
  G_DEFINE_ABSTRACT_TYPE (Name, name, G_TYPE_OBJECT) \
  static Name * \
  name##_make (void) \
  { \
    static gsize made; \
    if (g_once_init_enter (&made)) \
      g_once_init_leave (&made, g_type_register_static_simple (name##_get_type (), #Name "Made", sizeof (Name##Class), NULL, sizeof (Name), NULL, 0)); \
    return g_object_new (made, NULL); \
  }

G_END_DECLS
