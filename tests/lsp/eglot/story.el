;;; story.el --- What a user of eglot does, with nothing but the server in the configuration  -*- lexical-binding: t -*-

;; Run as ``emacs --batch -q -l story.el``.  The environment says where: CHECKOUT, CONFIGURATION (what a user has in
;; init.el), OPTIONS (the server's, as JSON), INSTRUCTION, and GO, a file that the agent waits for.
;; Prints a line of JSON for each step.

(require 'package)
(package-initialize)
(require 'eglot)
(require 'json)

(defvar checkout (file-name-as-directory (getenv "CHECKOUT")))
(defvar server nil)
(defvar run nil)

(defun told (step what)
  (princ (concat (json-encode (list (cons 'step step) (cons 'what what))) "\n")))

(defun give-up (what)
  (told "gave up" what)
  (kill-emacs 1))

(defun until (what holds)
  "Waits for HOLDS, and returns what it gives; gives up after 20 seconds."
  (let ((limit (+ (float-time) 20)) found)
    (while (not (setq found (funcall holds)))
      (when (> (float-time) limit)
        (give-up what))
      (accept-process-output nil 0.05)
      (dolist (buffer (buffer-list))
        (with-current-buffer buffer
          ;; Idle timers do these, and none fires in batch.
          (when (bound-and-true-p eglot--managed-mode)
            (eglot--signal-textDocument/didChange)
            (flymake-start)))))
    found))

;; What eglot asks the user, and tells them.  WANTED is what they look for in a list, as a regular expression.
(defvar wanted nil)
(defvar messages nil)
(advice-add 'y-or-n-p :override (lambda (prompt) (told "edits" (substring-no-properties prompt)) t))
(advice-add 'completing-read :override
            (lambda (prompt choices &rest _)
              (let ((titles (mapcar (lambda (one) (if (consp one) (car one) one)) choices)))
                (if (string-match-p "Server reports" prompt)
                    (progn (told "asked" prompt) "Apply")
                  (or (cl-find-if (lambda (title) (string-match-p wanted title)) titles)
                      (give-up (list wanted titles)))))))
(advice-add 'message :before
            (lambda (format &rest arguments)
              (when format (push (apply #'format format arguments) messages))))

(defun said (pattern)
  "The first group of what the server said like this."
  (cl-some (lambda (one) (and (string-match pattern one) (match-string 1 one))) messages))

(defun choose (title)
  "Asks for code actions as a key would, and chooses what is titled so."
  (let ((wanted title) (last-nonmenu-event ?a))
    (call-interactively #'eglot-code-actions)))

(defun select (from to)
  (goto-char from)
  (push-mark to t t))

(defun visit (name)
  (set-buffer (find-file-noselect (expand-file-name name checkout)))
  (unless (eq (eglot-current-server) server)
    (give-up (list name "has another server"))))

(defun runs ()
  (plist-get (eglot-execute-command server "fanout.status" (vector eglot--{})) :runs))

(defun state ()
  "Of RUN."
  (cl-some (lambda (one) (and (equal (plist-get one :runId) run) (plist-get one :state))) (runs)))

(defun tell-buffers (&rest names)
  (told "texts" (mapcar (lambda (name) (visit name) (buffer-string)) names)))

(setq eglot-sync-connect 5 eglot-autoshutdown nil make-backup-files nil create-lockfiles nil)
(setq vc-handled-backends '(Git) transient-mark-mode t)
(load (getenv "CONFIGURATION") nil t t)

(set-buffer (find-file-noselect (concat checkout "src/one.py")))
(let* ((contact (eglot--guess-contact))
       (options (json-parse-string (getenv "OPTIONS") :object-type 'plist)))
  (setf (nth 3 contact) (append (nth 3 contact) (list :initializationOptions options)))
  (apply #'eglot--connect contact))
(setq server (eglot-current-server))
(eglot--maybe-activate-editing-mode)
;; Not saved: the run begins with what the user sees.
(goto-char (point-min))
(insert "# not saved\n")

;; Select.
(visit "todo.txt")
(goto-char (point-max))
(insert "- src/one.py\n- src/two.py\n")
(eglot--signal-textDocument/didChange)
(goto-char (point-min))
(forward-line 1)
(select (point) (point-max))
(choose "^Fan out over 2 files with an instruction")
(let* ((path (until "the plan document" (lambda () (said "Open \\(.+\\), write what is to be done into line"))))
       (line (string-to-number (said "into line \\([0-9]+\\), and run it"))))
  (visit path)
  (goto-char (point-min))
  (forward-line (1- line))
  (told "line" (buffer-substring (line-beginning-position) (line-end-position)))
  (insert (getenv "INSTRUCTION"))
  (eglot--signal-textDocument/didChange)

  ;; Run, and watch.
  (deactivate-mark)
  (choose "Run 2 units")
  (setq run (until "a run" (lambda ()
                             (cl-some (lambda (one) (and (equal (plist-get one :state) "running") (plist-get one :runId)))
                                      (runs)))))
  (until "half of it"
         (lambda ()
           (visit path)
           (cl-some (lambda (one) (string-match-p "Cancel (1/2 done, 1 running)" (plist-get one :title)))
                    (eglot-code-actions (point))))))
(write-region "" nil (getenv "GO"))

;; Apply.
(until "applied" (lambda () (equal (state) "applied")))
(tell-buffers "src/one.py" "src/two.py")

;; Fix.
(visit "b.txt")
(let ((found (until "a finding" (lambda () (flymake-diagnostics)))))
  (told "finding" (mapcar #'flymake-diagnostic-text found))
  (goto-char (flymake-diagnostic-beg (car found))))
(choose "Take what was left out")
(until "b.txt is fixed" (lambda () (visit "b.txt") (null (flymake-diagnostics))))
(tell-buffers "b.txt")

;; What is no file yet is a buffer with nothing in it, in which Emacs has no place to show a finding.
(visit "other.py")
(choose "Take what was left out")
(until "other.py is fixed" (lambda () (visit "other.py") (null (eglot-code-actions (point) nil "quickfix"))))
(tell-buffers "other.py")

;; Take back.
(visit "src/one.py")
(choose (concat "Take back run " run))
(until "reverted" (lambda () (equal (state) "reverted")))
(tell-buffers "src/one.py" "src/two.py")

;; Cancel.
(visit "todo.txt")
(select (save-excursion (goto-char (point-min)) (forward-line 1) (point)) (point-max))
(choose "^Fan out over 2 files: Wait$")
(let ((first run))
  (setq run (until "another run" (lambda ()
                                   (let ((id (plist-get (aref (runs) 0) :runId)))
                                     (and (not (equal id first)) id))))))
(choose "^Cancel run: Look at {file}")
(until "cancelled" (lambda () (equal (state) "cancelled")))
(told "cancelled" (until "it is said" (lambda () (said "\\(Run .* was cancelled\\)"))))
(eglot-shutdown server)
