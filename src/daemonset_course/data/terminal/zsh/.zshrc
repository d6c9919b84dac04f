# The learner's own file comes first, with its own ZDOTDIR. /etc/zshrc may have put the history into the
# course's folder.
ZDOTDIR=$COURSE_OWN_ZDOTDIR
[[ $HISTFILE == $COURSE_ZDOTDIR/* ]] && HISTFILE=$ZDOTDIR/${HISTFILE:t}
[[ -r $ZDOTDIR/.zshrc ]] && . $ZDOTDIR/.zshrc
eval "$COURSE_TERMINAL"
