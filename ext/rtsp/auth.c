/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mount.h"

/* Each client has a thread of its own, so that nobody else waits. */
#define WRONG_PASSWORD_US G_USEC_PER_SEC

typedef struct {
  GstRTSPAuth parent;
} BitmarRtspAuth;

typedef struct {
  GstRTSPAuthClass parent;
} BitmarRtspAuthClass;

static GType bitmar_rtsp_auth_get_type (void);
G_DEFINE_TYPE (BitmarRtspAuth, bitmar_rtsp_auth, GST_TYPE_RTSP_AUTH)

static gboolean
is_away (GstRTSPContext *ctx)
{
  BitmarRtspMount *mount = ctx->factory ? bitmar_rtsp_factory_get_mount (ctx->factory) : NULL;

  return mount && !bitmar_rtsp_mount_is_ready (mount);
}

static void
refuse (GstRTSPAuth *auth, GstRTSPContext *ctx, GstRTSPStatusCode code)
{
  gst_rtsp_message_init_response (ctx->response, code, gst_rtsp_status_as_text (code), ctx->request);
  if (code == GST_RTSP_STS_UNAUTHORIZED)
    GST_RTSP_AUTH_GET_CLASS (auth)->generate_authenticate_header (auth, ctx);
  gst_rtsp_client_send_message (ctx->client, ctx->session, ctx->response);
}

/* Each request, not only the first of a session: who has heard a session's name is not its owner. */
static gboolean
check_request (GstRTSPAuth *auth, GstRTSPContext *ctx)
{
  if (ctx->method == GST_RTSP_OPTIONS)
    return TRUE;
  if (!ctx->token)
    GST_RTSP_AUTH_GET_CLASS (auth)->authenticate (auth, ctx);
  if (!ctx->token)
    refuse (auth, ctx, GST_RTSP_STS_UNAUTHORIZED);
  return ctx->token != NULL;
}

/* Who may watch, and only he, is told that a source is away. */
static gboolean
check (GstRTSPAuth *auth, GstRTSPContext *ctx, const gchar *what)
{
  if (g_str_equal (what, GST_RTSP_AUTH_CHECK_URL))
    return check_request (auth, ctx);
  if (!GST_RTSP_AUTH_CLASS (bitmar_rtsp_auth_parent_class)->check (auth, ctx, what))
    return FALSE;
  if (!g_str_equal (what, GST_RTSP_AUTH_CHECK_MEDIA_FACTORY_ACCESS) || !is_away (ctx))
    return TRUE;
  refuse (auth, ctx, GST_RTSP_STS_SERVICE_UNAVAILABLE);
  return FALSE;
}

/* Who guesses waits. */
static void
generate_authenticate_header (GstRTSPAuth *auth, GstRTSPContext *ctx)
{
  char *value;

  if (gst_rtsp_message_get_header (ctx->request, GST_RTSP_HDR_AUTHORIZATION, &value, 0) == GST_RTSP_OK)
    g_usleep (WRONG_PASSWORD_US);
  GST_RTSP_AUTH_CLASS (bitmar_rtsp_auth_parent_class)->generate_authenticate_header (auth, ctx);
}

static void
bitmar_rtsp_auth_init (BitmarRtspAuth *auth)
{
}

static void
bitmar_rtsp_auth_class_init (BitmarRtspAuthClass *klass)
{
  GstRTSPAuthClass *auth_class = GST_RTSP_AUTH_CLASS (klass);

  auth_class->check = check;
  auth_class->generate_authenticate_header = generate_authenticate_header;
}

/* Digest: the password is not sent. */
GstRTSPAuth *
bitmar_rtsp_auth_new (const char *user, const char *password, GTlsCertificate *certificate)
{
  GstRTSPAuth *auth = g_object_new (bitmar_rtsp_auth_get_type (), NULL);
  GstRTSPToken *token = gst_rtsp_token_new (GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, BITMAR_RTSP_ROLE, NULL);

  gst_rtsp_auth_set_supported_methods (auth, GST_RTSP_AUTH_DIGEST);
  gst_rtsp_auth_set_realm (auth, "bitmar");
  if (user)
    gst_rtsp_auth_add_digest (auth, user, password, token);
  else
    gst_rtsp_auth_set_default_token (auth, token);
  if (certificate)
    gst_rtsp_auth_set_tls_certificate (auth, certificate);
  gst_rtsp_token_unref (token);
  return auth;
}
