;;; story.el --- What a user of eglot does, with nothing but the server in the configuration  -*- lexical-binding: t -*-

;; Run as ``emacs --batch -q -l story.el``.  The environment says where: CHECKOUT, and SERVER and AGENT, which are
;; commands as JSON lists.  Prints a line of JSON for each step.

(require 'package)
(package-initialize)
(require 'eglot)
(require 'json)

(defun told (step what)
  (princ (concat (json-encode (list (cons 'step step) (cons 'what what))) "\n")))

(defun from-env (name)
  (json-parse-string (getenv name) :array-type 'list))

(defun until (what holds)
  "Waits for HOLDS; gives up after 20 seconds."
  (let ((limit (+ (float-time) 20)))
    (while (not (funcall holds))
      (when (> (float-time) limit)
        (told "gave up" what)
        (kill-emacs 1))
      (accept-process-output nil 0.05)
      (dolist (buffer (buffer-list))
        (with-current-buffer buffer
          ;; An idle timer does this, and none fires in batch.
          (when (bound-and-true-p eglot--managed-mode)
            (eglot--signal-textDocument/didChange)))))))

;; What eglot asks the user: about edits, and what the server asks.
(advice-add 'y-or-n-p :override (lambda (prompt) (told "edits" (substring-no-properties prompt)) t))
(advice-add 'completing-read :override
            (lambda (prompt choices &rest _)
              (told "asked" prompt)
              "Apply"))

(setq eglot-sync-connect 5 eglot-autoshutdown nil make-backup-files nil create-lockfiles nil)
(add-to-list 'eglot-server-programs (cons 'python-mode (from-env "SERVER")))
(setq vc-handled-backends '(Git))

(let* ((checkout (file-name-as-directory (getenv "CHECKOUT")))
       (one (find-file-noselect (concat checkout "src/one.py")))
       server run)
  (with-current-buffer one
    (apply #'eglot--connect (eglot--guess-contact))
    (setq server (eglot-current-server))
    (eglot--managed-mode 1)
    ;; Not saved: the run begins with what the user sees.
    (goto-char (point-min))
    (insert "# not saved\n")
    (eglot--signal-textDocument/didChange))
  (cl-labels ((run-command (name argument)
               (condition-case problem
                   (eglot-execute-command server name (vector argument))
                 (error (list :error (error-message-string problem)))))
             (tell-buffers ()
               (told "texts"
                     (mapcar (lambda (name)
                               (with-current-buffer (find-file-noselect (concat checkout name)) (buffer-string)))
                             '("src/one.py" "src/two.py"))))
             (state ()
               (plist-get (aref (plist-get (run-command "fanout.status" (list :runId run)) :runs) 0) :state)))
    (setq run
          (plist-get
           (run-command "fanout.run"
                        (list :selection (list :uris (vector (eglot--path-to-uri (concat checkout "src/one.py"))
                                                             (eglot--path-to-uri (concat checkout "src/two.py"))))
                              :instruction "Change {file}."
                              :options (list :agent "command" :command (vconcat (from-env "AGENT") ["{file}"])
                                             :owns ["{file}" "extra.py"])))
           :runId))
    (told "run" run)
    (until "ready" (lambda () (member (state) '("ready" "applied"))))
    (until "applied" (lambda () (equal (state) "applied")))
    (tell-buffers)
    (told "findings"
          (with-current-buffer one
            (mapcar (lambda (finding) (plist-get finding :code))
                    (plist-get (aref (plist-get (run-command "fanout.status" (list :runId run)) :runs) 0) :findings))))
    (told "revert" (run-command "fanout.revert" (list :runId run)))
    (until "reverted" (lambda () (equal (state) "reverted")))
    (tell-buffers)
    (eglot-shutdown server)))
