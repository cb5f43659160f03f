#include "CEdit.h"
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct olv_editor {
  EditLine *line;
  History *history;
  char *path;
  const char *prompt;
};

static char *prompt_of(EditLine *line) {
  olv_editor *editor = NULL;
  el_get(line, EL_CLIENTDATA, &editor);
  return (char *)(editor && editor->prompt ? editor->prompt : "");
}

olv_editor *olv_editor_open(const char *path, int limit) {
  // In the locale C, libedit drops what is not ASCII.
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");

  olv_editor *editor = calloc(1, sizeof *editor);
  if (!editor) return NULL;
  editor->line = el_init("olv", stdin, stdout, stderr);
  editor->history = history_init();
  editor->path = path ? strdup(path) : NULL;
  if (!editor->line || !editor->history) {
    olv_editor_close(editor);
    return NULL;
  }
  HistEvent event;
  history(editor->history, &event, H_SETSIZE, limit);
  history(editor->history, &event, H_SETUNIQUE, 1);
  if (editor->path) history(editor->history, &event, H_LOAD, editor->path);
  el_set(editor->line, EL_CLIENTDATA, editor);
  el_set(editor->line, EL_PROMPT_ESC, prompt_of, '\1');
  el_set(editor->line, EL_EDITOR, "emacs");
  el_set(editor->line, EL_SIGNAL, 0);
  el_set(editor->line, EL_HIST, history, editor->history);
  el_set(editor->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
  return editor;
}

const char *olv_editor_read(olv_editor *editor, const char *prompt, int *length, int *interrupted) {
  editor->prompt = prompt;
  *length = 0;
  *interrupted = 0;
  errno = 0;
  const char *text = el_gets(editor->line, length);
  if (!text && (*length == -1 || errno == EINTR)) {
    *interrupted = errno == EINTR;
    *length = 0;
    el_reset(editor->line);
  }
  return text;
}

void olv_editor_remember(olv_editor *editor, const char *entry) {
  HistEvent event;
  history(editor->history, &event, H_ENTER, entry);
  if (editor->path) history(editor->history, &event, H_SAVE, editor->path);
}

void olv_editor_close(olv_editor *editor) {
  if (!editor) return;
  if (editor->history) history_end(editor->history);
  if (editor->line) el_end(editor->line);
  free(editor->path);
  free(editor);
}
