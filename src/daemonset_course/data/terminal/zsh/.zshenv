# Read by zsh in a terminal of JupyterLab: ZDOTDIR names this folder. First the learner's own file.
COURSE_ZDOTDIR=$ZDOTDIR
ZDOTDIR=${COURSE_OWN_ZDOTDIR:-$HOME}
[[ -r $ZDOTDIR/.zshenv ]] && . $ZDOTDIR/.zshenv
COURSE_OWN_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$COURSE_ZDOTDIR
