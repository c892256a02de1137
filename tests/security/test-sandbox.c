/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the elements ask of the kernel once their pipeline is built: a seccomp filter hands every opening, renaming and removing of a
 * file, every socket and every program started to a signal handler, which writes it down and lets it happen, but for sockets and
 * programs. (socketpair() is not watched: GstBus wakes its readers by one, and it leads nowhere.) Elements with model, memory file, event log, alerts and all outputs run in it. Needs no privilege and no tool. */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* A call that carries this as its sixth argument, which none of ours has, is the handler's own. */
#define PASS 0x6269746d
#define MOST 4096

typedef struct {
  gint call;
  char path[512];
} Call;

static Call calls[MOST];
static gint n_calls;

/* ---- The filter -------------------------------------------------------------------------------------- */

enum { NO_PATH = -1 };

static const struct {
  gint call, path;             /* which argument is the path; NO_PATH: is refused */
} watched[] = {
#ifdef SYS_open
  { SYS_open, 0 }, { SYS_creat, 0 }, { SYS_unlink, 0 }, { SYS_rename, 0 }, { SYS_mkdir, 0 }, { SYS_link, 1 }, { SYS_symlink, 1 }, { SYS_chmod, 0 },
  { SYS_rmdir, 0 },
#endif
#ifdef SYS_renameat
  { SYS_renameat, 3 },
#endif
  { SYS_openat, 1 }, { SYS_openat2, 1 }, { SYS_unlinkat, 1 }, { SYS_renameat2, 3 }, { SYS_mkdirat, 1 }, { SYS_linkat, 3 }, { SYS_symlinkat, 2 },
  { SYS_truncate, 0 }, { SYS_fchmodat, 1 },
  { SYS_socket, NO_PATH }, { SYS_execve, NO_PATH }, { SYS_execveat, NO_PATH }, { SYS_ptrace, NO_PATH },
};

static void
write_down (gint call, const char *path)
{
  gint i = g_atomic_int_add (&n_calls, 1);

  if (i >= MOST)
    return;
  calls[i].call = call;
  if (path)
    strncpy (calls[i].path, path, sizeof calls[i].path - 1);
}

#if defined (__x86_64__)
#define ARGUMENTS(u) { (u)->uc_mcontext.gregs[REG_RDI], (u)->uc_mcontext.gregs[REG_RSI], (u)->uc_mcontext.gregs[REG_RDX], \
  (u)->uc_mcontext.gregs[REG_R10], (u)->uc_mcontext.gregs[REG_R8] }
#define RESULT(u) ((u)->uc_mcontext.gregs[REG_RAX])
#elif defined (__aarch64__)
#define ARGUMENTS(u) { (u)->uc_mcontext.regs[0], (u)->uc_mcontext.regs[1], (u)->uc_mcontext.regs[2], (u)->uc_mcontext.regs[3], \
  (u)->uc_mcontext.regs[4] }
#define RESULT(u) ((u)->uc_mcontext.regs[0])
#endif

#ifdef RESULT
static void
on_call (int number, siginfo_t *info, void *context)
{
  ucontext_t *u = context;
  long a[5] = ARGUMENTS (u), result = -EPERM;
  int saved = errno;

  for (gsize i = 0; i < G_N_ELEMENTS (watched); i++)
    if (watched[i].call == info->si_syscall) {
      write_down (info->si_syscall, watched[i].path == NO_PATH ? NULL : (const char *) a[watched[i].path]);
      if (watched[i].path != NO_PATH) {
        result = syscall (info->si_syscall, a[0], a[1], a[2], a[3], a[4], PASS);
        if (result < 0)
          result = -errno;
      }
    }
  RESULT (u) = result;
  errno = saved;
}

/* FALSE: the kernel has no such filter (an emulator). */
static gboolean
watch (void)
{
  struct sigaction action = { .sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER };
  struct sock_filter filter[5 + G_N_ELEMENTS (watched) + 1];
  struct sock_fprog program = { 0, filter };
  gushort n = 0;

  filter[n++] = (struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[5]));
  filter[n++] = (struct sock_filter) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, PASS, 0, 1);
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr));
  for (gsize i = 0; i < G_N_ELEMENTS (watched); i++)
    filter[n++] = (struct sock_filter) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, watched[i].call, (guchar) (G_N_ELEMENTS (watched) - i), 0);
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[n++] = (struct sock_filter) BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  program.len = n;
  sigaction (SIGSYS, &action, NULL);
  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
      && syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}
#else
static gboolean
watch (void)
{
  return FALSE;
}
#endif

/* ---- What was seen ------------------------------------------------------------------------------------- */

static guint number, failures;

static void
check (gboolean good, const char *what)
{
  printf ("%s %u - %s\n", good ? "ok" : "not ok", ++number, what);
  failures += !good;
}

static gboolean
was_called (gint call)
{
  for (gint i = 0; i < MIN (n_calls, MOST); i++)
    if (calls[i].call == call)
      return TRUE;
  return FALSE;
}

/* What the C library, its loader, GLib and SQLite read by themselves; docs/security.md lists it. The loader looks for libraries in every
 * folder of LD_LIBRARY_PATH; liborc keeps the code that it makes in a file that has lost its name at once. */
static gboolean
is_of_the_system (const char *path)
{
  static const char *const known[] = { "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo/", "/dev/urandom", "/sys/devices/system/cpu/",
    "/proc/sys/vm/overcommit_memory" };
  g_autofree char *name = g_path_get_basename (path);

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_has_prefix (path, known[i]))
      return TRUE;
  return (g_str_has_prefix (name, "lib") && strstr (name, ".so")) || g_str_has_prefix (name, "orcexec.");
}

/* named: folders and files, in which and beginning with which names may be touched. */
static gboolean
only_named (const char *const *named)
{
  gboolean all = n_calls <= MOST;

  for (gint i = 0; i < MIN (n_calls, MOST); i++) {
    gboolean good = !calls[i].path[0] || is_of_the_system (calls[i].path);

    for (gsize j = 0; named[j] && !good; j++)
      good = g_str_has_prefix (calls[i].path, named[j]);
    if (!good)
      printf ("# system call %d: %s\n", calls[i].call, calls[i].path);
    all &= good;
  }
  return all;
}

/* ---- The run ------------------------------------------------------------------------------------------- */

static guint
run (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstElement *memory = gst_bin_get_by_name (GST_BIN (pipeline), "m");
  gboolean ended = FALSE, done = FALSE;
  guint captions = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = gst_bus_timed_pop (bus, GST_CLOCK_TIME_NONE);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR || GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
      printf ("# %s\n", gst_structure_to_string (gst_message_get_structure (message)));
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR || GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    captions += gst_message_has_name (message, "bitmar-caption");
    gst_message_unref (message);
  }
  g_signal_emit_by_name (memory, "save", NULL, &done);
  g_signal_emit_by_name (memory, "clear", &done);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (memory);
  gst_object_unref (bus);
  return captions;
}

static void
check_all (GstElement *pipeline, const char *const *named)
{
  guint captions = run (pipeline);

  printf ("# %u captions, %d watched system calls\n", captions, n_calls);
  check (captions > 0, "captions are made");
  check (was_called (SYS_openat), "files are opened, and the test sees it");
  check (!was_called (SYS_socket), "no socket is opened");
  check (!was_called (SYS_execve) && !was_called (SYS_execveat), "no program is started");
  check (only_named (named), "no file is touched but those that were named");
  /* And the watch is awake. */
  check (socket (AF_INET, SOCK_STREAM, 0) < 0 && was_called (SYS_socket), "a socket would have been seen");
  close (open ("/etc/hostname", O_RDONLY | O_CLOEXEC));
  check (!only_named (named), "another file would have been seen");
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = NULL, *line = NULL, *log = NULL;
  const char *model = g_getenv ("BITMAR_MODEL"), *modules = g_getenv ("BITMAR_MODULE_PATH");
  GError *error = NULL;
  GstElement *pipeline;

  gst_init (&argc, &argv);
  folder = g_dir_make_tmp ("bitmar-sandbox-XXXXXX", NULL);
  log = modules ? g_strdup_printf ("event-log=%s/events.db", folder) : g_strdup ("");
  line = g_strdup_printf ("videotestsrc num-buffers=40 pattern=snow ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! "
      "bitmarencode ! bitmarmemory name=m memory-file=%s/memory save-interval=1 alerts=\"any: a dog hold 1s\" %s ! bitmarcaption name=c "
      "change-threshold=0 repeat=always min-confidence=0 ! fakesink c.text_src ! fakesink async=false c.json_src ! fakesink async=false",
      folder, log);
  pipeline = gst_parse_launch (line, &error);
  if (!pipeline || error) {
    printf ("Bail out! %s\n", error->message);
    return 1;
  }
  if (!watch ()) {
    puts ("1..0 # SKIP no seccomp filter here");
    return 0;
  }
  puts ("1..7");
  check_all (pipeline, (const char *const[]) { model, folder, modules, NULL });
  gst_object_unref (pipeline);
  return failures > 0;
}
