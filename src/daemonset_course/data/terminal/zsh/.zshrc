# First the learner's own file, in its own folder; /etc/zshrc may have put the history into ours.
ZDOTDIR=$COURSE_OWN_ZDOTDIR
[[ $HISTFILE == $COURSE_ZDOTDIR/* ]] && HISTFILE=$ZDOTDIR/${HISTFILE:t}
[[ -r $ZDOTDIR/.zshrc ]] && . $ZDOTDIR/.zshrc
eval "$COURSE_TERMINAL"
