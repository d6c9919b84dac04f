# zsh reads this file in a terminal of JupyterLab: ZDOTDIR names this folder. The learner's own file
# comes first.
COURSE_ZDOTDIR=$ZDOTDIR
ZDOTDIR=${COURSE_OWN_ZDOTDIR:-$HOME}
[[ -r $ZDOTDIR/.zshenv ]] && . $ZDOTDIR/.zshenv
COURSE_OWN_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$COURSE_ZDOTDIR
