"""A catalogue and what people would want to find in it; tests and the benchmark judge by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# key | title | artist | album | tags | likes
TRACKS: Final = """
says            | Says | Nils Frahm | Spaces | piano, synth | 900
hammers         | Hammers | Nils Frahm | Spaces | piano | 300
my-friend       | My Friend the Forest | Nils Frahm | All Melody | piano | 120
says-you        | Says You | The Quiet Argument | Second Thoughts | indie | 40
nobody-says     | What Nobody Says | Ilva Brandt | Porcelain | folk | 800
joga            | Jóga | Björkvin | Heimaland | strings | 500
joga-live       | Jóga (live) | Björkvin | Live at the Harbour | live | 60
yoga            | Yoga for Robots | Kolibri Kollektiv | Stretch | electro | 30
uber            | Über den Wolken aus Glas | Anneliese Grün | Fensterlicht | chanson | 200
strasse         | Straße nach Süden | Anneliese Grün | Fensterlicht | chanson | 90
lodz            | Łódź o świcie | Ślad Światła | Mgła | ambient | 70
orsted          | Ørsted | Fjordlys | Havblik | ambient | 110
cafe            | Café Déjà Vu | Les Vitrines | Minuit | chanson | 210
corazon         | Corazón de Arena | Sol y Niebla | Mareas | latin | 330
manana          | Mañana Será Otro Mar | Sol y Niebla | Mareas | latin | 150
sao             | São Silêncio | Rua Onze | Avenida | bossa | 140
istanbul        | İstanbul'da Sonbahar | Deniz Karaca | Boğaz | folk | 85
noch            | Ночь над рекой | Тихий Ветер | Берега | folk | 260
zima            | Зима | Тихий Ветер | Берега | folk | 130
elka            | Ёлка в огнях | Северный Хор | Праздник | choir | 40
doroga          | Дорога домой | Северный Хор | Праздник | choir | 75
yoru            | 東京の夜 | 青い月 | 夜光 | citypop | 410
umi             | 海の声 | 青い月 | 夜光 | citypop | 190
glass-jp        | ガラスの森 | ミドリノカゼ | 森林浴 | ambient | 95
sakura          | さくら日和 | ミドリノカゼ | 森林浴 | ambient | 88
beijing         | 北京的秋天 | 远山 | 胡同 | folk | 160
moonlight-cn    | 月光下的海 | 远山 | 胡同 | folk | 120
love-kr         | 사랑의 노래 | 밤하늘 | 별빛 | ballad | 310
firstlove-kr    | 첫사랑 | 밤하늘 | 별빛 | ballad | 140
rain-kr         | 비 오는 서울 | 도시의 새 | 골목 | lofi | 99
layl            | أغنية الليل | نور القمر | البحر | oud | 170
bahr            | البحر البعيد | نور القمر | البحر | oud | 65
fos             | Φως στο Λιμάνι | Νύχτα και Θάλασσα | Κύματα | rebetiko | 55
layla-he        | לילה לבן | גל רחוק | חוף | indie | 45
hindi           | रात का गीत | नीला आसमान | बारिश | raga | 66
thai            | คืนเดือนมืด | ลมทะเล | ชายฝั่ง | folk | 33
acdc            | AC/DC Converter | Voltage Divider | Transformer | noise | 80
rem             | R.E.M. State | Sleep Clinic | Hypnogram | dream | 77
lofi            | Lo-Fi Beats to Sweep To | Broom Cupboard | Household | lofi | 350
dont            | Don't Stop the Tide | Harbour Lights | Saltwater | pop | 420
tide            | Tide | Harbour Lights | Saltwater | pop | 20
tidal           | Tidal Memory | Elm & Ash | Estuary | ambient | 600
high-tide       | High Tide | Elm & Ash | Estuary | ambient | 640
midnight        | Midnight Train to Nowhere | Coal Chamber Choir | Signals | blues | 510
midnight-sun    | Midnight Sun | Fjordlys | Havblik | ambient | 480
sunday          | Sunday | Paper Lanterns | Weekdays | pop | 700
sun             | Sun | Paper Lanterns | Weekdays | pop | 10
black-sun       | Black Sun | Coal Chamber Choir | Signals | blues | 90
sun-machine     | Sun Machine | Kolibri Kollektiv | Stretch | electro | 220
unsung          | Unsung Heroes | Brass Parade | Marches | brass | 130
nightbird       | Nightbird | Ilva Brandt | Porcelain | folk | 270
birds           | Birds of No Country | Ilva Brandt | Porcelain | folk | 380
rhapsody        | Rhapsody in Rust | Orchestra of Small Machines | Opus One | classical | 230
symphony        | Symphony No. 4 in E minor | Orchestra of Small Machines | Four | classical | 180
symphony5       | Symphony No. 5 in C minor | Orchestra of Small Machines | Five | classical | 175
love-1          | Love | Paper Lanterns | Weekdays | pop | 15
love-song       | Love Song for a Lighthouse | Harbour Lights | Saltwater | pop | 990
love-again      | Never Love Again | Les Vitrines | Minuit | chanson | 450
remix           | Hammers (Kolibri Remix) | Kolibri Kollektiv | Stretch | electro, remix | 75
cover           | Black Sun (cover) | Ilva Brandt | Porcelain | folk, cover | 35
1999            | 1999 Was a Long Year | Les Vitrines | Minuit | chanson | 60
fire            | 🔥 Kindling 🔥 | Broom Cupboard | Household | lofi | 44
pink            | P!nk Noise | Voltage Divider | Transformer | noise | 51
""".strip()

# key | display name | handle | tracks and likes
ACTORS: Final = """
nils      | Nils Frahm | nilsfrahm.example.com | 500
nilsson   | Nilsson & Daughters | nilsson.example.com | 90
bjorkvin  | Björkvin | bjorkvin.example.is | 300
ilva      | Ilva Brandt | ilva.example.com | 200
aoitsuki  | 青い月 | aoitsuki.example.jp | 150
veter     | Тихий Ветер | veter.example.org | 80
bamhaneul | 밤하늘 | bamhaneul.example.kr | 120
harbour   | Harbour Lights | harbourlights.bsky.social | 400
paper     | Paper Lanterns | lanterns.bsky.social | 60
anna      | Anneliese Grün | gruen.example.de | 70
""".strip()

# key | name | author | type | likes
LISTS: Final = """
spaces       | Spaces | nils | album | 200
all-melody   | All Melody | nils | album | 90
heimaland    | Heimaland | bjorkvin | album | 60
night-drive  | Night Drive | paper | playlist | 75
night-drive2 | Late Night Drive Home | harbour | playlist | 20
rainy        | Rainy Day Café | ilva | playlist | 35
yako         | 夜光 | aoitsuki | album | 44
berega       | Берега | veter | album | 21
for-sleep    | Music for Falling Asleep | anna | playlist | 65
""".strip()

# kind of query | method | query | what is wanted, the best first; anything of it counts
QUERIES: Final = """
exact     | searchTracks | says | says
exact     | searchTracks | Hammers | hammers
exact     | searchTracks | sun | sun
exact     | searchTracks | tide | tide
exact     | searchTracks | love | love-1
exact     | searchTracks | midnight sun | midnight-sun
exact     | searchTracks | sunday | sunday
exact     | searchTracks | nightbird | nightbird
exact     | searchTracks | unsung heroes | unsung
exact     | searchTracks | symphony no 5 | symphony5
exact     | searchTracks | symphony 4 | symphony
exact     | searchTracks | 1999 | 1999
exact     | searchTracks | hammers remix | remix
exact     | searchTracks | black sun cover | cover
folded    | searchTracks | joga | joga
folded    | searchTracks | JÓGA | joga
folded    | searchTracks | uber den wolken | uber
folded    | searchTracks | strasse nach suden | strasse
folded    | searchTracks | STRASSE | strasse
folded    | searchTracks | lodz | lodz
folded    | searchTracks | orsted | orsted
folded    | searchTracks | cafe deja vu | cafe
folded    | searchTracks | corazon de arena | corazon
folded    | searchTracks | manana | manana
folded    | searchTracks | sao silencio | sao
folded    | searchTracks | istanbulda sonbahar | istanbul
folded    | searchTracks | елка | elka
folded    | searchTracks | dont stop | dont
folded    | searchTracks | don’t stop | dont
folded    | searchTracks | ｓａｙｓ | says
folded    | searchTracks | φωσ στο λιμανι | fos
folded    | searchTracks | がらすの森 | glass-jp
punctuated | searchTracks | acdc | acdc
punctuated | searchTracks | ac/dc converter | acdc
punctuated | searchTracks | rem state | rem
punctuated | searchTracks | lofi beats | lofi
punctuated | searchTracks | lo fi beats | lofi
punctuated | searchTracks | lo-fi | lofi
punctuated | searchTracks | p!nk noise | pink
punctuated | searchTracks | kindling 🔥 | fire
script    | searchTracks | ночь | noch
script    | searchTracks | НОЧЬ НАД РЕКОЙ | noch
script    | searchTracks | дорог | doroga
script    | searchTracks | 東京 | yoru
script    | searchTracks | 京の夜 | yoru
script    | searchTracks | 夜 | yoru
script    | searchTracks | 海の声 | umi
script    | searchTracks | 北京 | beijing
script    | searchTracks | 秋天 | beijing
script    | searchTracks | 月光 | moonlight-cn
script    | searchTracks | 사랑 | love-kr
script    | searchTracks | 첫사랑 | firstlove-kr
script    | searchTracks | 노래 | love-kr
script    | searchTracks | 서울 | rain-kr
script    | searchTracks | الليل | layl
script    | searchTracks | اغنية | layl
script    | searchTracks | לילה | layla-he
script    | searchTracks | रात | hindi
script    | searchTracks | เดือน | thai
prefix    | searchTracks | ham | hammers
prefix    | searchTracks | rhap | rhapsody
prefix    | searchTracks | midn tra | midnight
prefix    | searchTracks | my fri | my-friend
prefix    | searchTracks | night | nightbird
prefix    | searchTracks | birds of no c | birds
prefix    | searchTracks | lov song | love-song
substring | searchTracks | sung | unsung
substring | searchTracks | bird | nightbird birds
substring | searchTracks | apsody | rhapsody
substring | searchTracks | idnigh | midnight midnight-sun
substring | searchTracks | unday | sunday
fuzzy     | searchTracks | hamers | hammers
fuzzy     | searchTracks | rapsody in rust | rhapsody
fuzzy     | searchTracks | rhaspody | rhapsody
fuzzy     | searchTracks | symphoni no 4 | symphony
fuzzy     | searchTracks | midnigth train | midnight
fuzzy     | searchTracks | ligthhouse | love-song
fuzzy     | searchTracks | unsugn heros | unsung
fuzzy     | searchTracks | says nils fram | says
fuzzy     | searchTracks | frham | says
fuzzy     | searchTracks | corazom | corazon
fuzzy     | searchTracks | дарога домой | doroga
fuzzy     | searchTracks | orchestra of smal machnes | rhapsody symphony symphony5
together  | searchTracks | says nils | says
together  | searchTracks | nils frahm says | says
together  | searchTracks | frahm hammers | hammers
together  | searchTracks | bjorkvin joga | joga
together  | searchTracks | love harbour lights | love-song
together  | searchTracks | 青い月 海 | umi
together  | searchTracks | spaces hammers | hammers
together  | searchTracks | sun paper lanterns | sun
together  | searchTracks | black sun ilva | cover
artist    | searchTracks | nils frahm | says
artist    | searchTracks | harbour lights | love-song
artist    | searchTracks | тихий ветер | noch
artist    | searchTracks | kolibri | sun-machine remix
quoted    | searchTracks | "no country" | birds
quoted    | searchTracks | "says you" | says-you
quoted    | searchTracks | "nobody says" | nobody-says
quoted    | searchTracks | "love" lighthouse | love-song
quoted    | searchTracks | “black sun” cover | cover
without   | searchTracks | joga -live | joga
without   | searchTracks | says -nils -nobody | says-you
without   | searchTracks | "black sun" -cover | black-sun
without   | searchTracks | hammers -"nils frahm" | remix
actor     | searchActors | nils | nils nilsson
actor     | searchActors | nils frahm | nils
actor     | searchActors | frahm | nils
actor     | searchActors | nilss | nilsson
actor     | searchActors | bjorkvin | bjorkvin
actor     | searchActors | 青い | aoitsuki
actor     | searchActors | ветер | veter
actor     | searchActors | 밤하늘 | bamhaneul
actor     | searchActors | @nilsfrahm.example.com | nils
actor     | searchActors | harbourlights.bsky.social | harbour
actor     | searchActors | lanterns | paper
actor     | searchActors | grun | anna
actor     | searchActors | habour ligths | harbour
actor     | searchActors | ilva brant | ilva
list      | searchLists | spaces | spaces
list      | searchLists | night drive | night-drive
list      | searchLists | late night | night-drive2
list      | searchLists | rainy cafe | rainy
list      | searchLists | nils frahm melody | all-melody
list      | searchLists | 夜光 | yako
list      | searchLists | берега | berega
list      | searchLists | falling aslep | for-sleep
typed     | typeahead | n | nils
typed     | typeahead | ni | nils
typed     | typeahead | nils f | nils
typed     | typeahead | nils fra | nils
typed     | typeahead | sa | says
typed     | typeahead | says n | says
typed     | typeahead | 東 | yoru
typed     | typeahead | но | noch
typed     | typeahead | love so | love-song
typed     | typeahead | midnight t | midnight
typed     | typeahead | night dr | night-drive
typed     | typeahead | harb | harbour
typed     | typeahead | bjö | bjorkvin
typed     | typeahead | hamm | hammers
typed     | typeahead | rhaspody | rhapsody
typed     | typeahead | nilsfrahm.ex | nils
typed     | typeahead | harbourlights.bsky.soc | harbour
""".strip()


@dataclass(frozen=True, slots=True)
class Judged:
    group: str
    method: str
    q: str
    wanted: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.group}: {self.method} {self.q}"


def lines(table: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.split("|")) for line in table.splitlines()]


QUERIES_JUDGED: Final = tuple(
    Judged(group, method, q, tuple(wanted.split())) for group, method, q, wanted in lines(QUERIES)
)


def reciprocal_rank(wanted: Sequence[str], found: Sequence[str]) -> float:
    """One over the place of the first that is wanted; 0 if none is there."""
    places = [found.index(key) + 1 for key in wanted if key in found]
    return 1 / min(places) if places else 0.0


def mean_by_group(ranks: Mapping[Judged, float]) -> dict[str, float]:
    groups: dict[str, list[float]] = {}
    for judged, rank in ranks.items():
        groups.setdefault(judged.group, []).append(rank)
    return {group: sum(each) / len(each) for group, each in groups.items()}
