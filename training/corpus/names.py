"""Names of people, places and firms. Most are invented anew each time: a list would be learnt by heart, not copied."""
from corpus.conversation import held_out

PEOPLE = ('Ada Alan Grace Linus Maria Omar Yuki Ivan Chen Nina Paul Rosa Sam Tara Victor Wen Zoe Ahmed Bella Carlos '
          'Dana Elif Femi Gita Hugo Iris Jonas Kira Leon Mona Noah Olga Petra Quinn Ravi Sofia Tom Uma Vera Will Anna '
          'Peter John Mary Lisa David Laura Emma Lucas Julia Marco Pierre Ingrid Sven Fatima Hiro').split()
CITIES = ('Paris Berlin Tokyo Lagos Lima Oslo Cairo Delhi Rome Madrid Boston Dublin Prague Vienna Seoul Quito Accra Hanoi '
          'Sydney Zurich Lisbon Athens Denver Austin Geneva Warsaw London Munich Hamburg Chicago Toronto Milan').split()
ONSETS = 'b c d f g h j k l m n p r s t v w z br cr dr fr gr kr pr tr bl fl gl kl pl sl st sh ch th sk sp'.split() + ['']
VOWELS = 'a a e e i i o o u y ai ea ie oo ou'.split()
CODAS = ['', '', '', '', 'n', 'r', 's', 'l', 'm', 'd', 't', 'k', 'x', 'nd', 'rt', 'ck', 'll', 'nn', 'st', 'rn']
PLACE_ENDS = ['', '', 'ton', 'ville', 'burg', 'dor', 'ham', 'field', 'ia', 'stad', 'haven', 'grad']
FIRM_ENDS = [' Labs', ' Group', ' Systems', 'soft', 'tech', ' Works', '', '']


def invented(r, most=3):
    word = ''.join(r.choice(ONSETS) + r.choice(VOWELS) + r.choice(CODAS) for _ in range(r.randint(1, most)))
    return word[:11].capitalize()


def fresh(r, make, held):
    """A word of the training set or of the held-out one."""
    while True:
        word = make()
        if len(word) > 2 and held_out(word) == held:
            return word


def person(r, held=False):
    return r.choice(PEOPLE) if not held and r.random() < 0.25 else fresh(r, lambda: invented(r), held)


def city(r, held=False):
    known = not held and r.random() < 0.25
    return r.choice(CITIES) if known else fresh(r, lambda: invented(r, 2) + r.choice(PLACE_ENDS), held)


def firm(r, held=False):
    return fresh(r, lambda: invented(r, 2) + r.choice(FIRM_ENDS), held)
