"""Languages by code and by English name: ISO 639-1, and the longer codes that published models have.

The codes are those of the models, which differ from ISO's in some places (``xx`` for several languages, ``qhe`` of
Universal Dependencies for code-switching, ``vn`` in one card).
"""

from __future__ import annotations

from functools import cache

# Less may be a code that somebody misremembers: "ge" shall not mean German.
_SHORTEST_BEGINNING = 4
# code=Name, with _ for a blank and / before another name of the same language.
_TABLE = """
aa=Afar ab=Abkhazian/Abkhaz ae=Avestan af=Afrikaans ak=Akan als=Alemannic/Tosk_Albanian am=Amharic an=Aragonese
ar=Arabic arz=Egyptian_Arabic as=Assamese ast=Asturian av=Avaric ay=Aymara az=Azerbaijani azb=South_Azerbaijani
ba=Bashkir bar=Bavarian bcl=Central_Bikol be=Belarusian bem=Bemba bg=Bulgarian bh=Bihari bi=Bislama bm=Bambara
bn=Bengali/Bangla bo=Tibetan bpy=Bishnupriya br=Breton bs=Bosnian ca=Catalan/Valencian ce=Chechen ceb=Cebuano
ch=Chamorro ckb=Central_Kurdish/Sorani co=Corsican cop=Coptic cr=Cree cs=Czech cu=Church_Slavonic cv=Chuvash cy=Welsh
da=Danish de=German diq=Zazaki dv=Dhivehi/Maldivian dz=Dzongkha ee=Ewe el=Greek eml=Emilian_Romagnol en=English
eo=Esperanto es=Spanish/Castilian et=Estonian eu=Basque fa=Persian/Farsi ff=Fulah fi=Finnish fj=Fijian fo=Faroese
fon=Fon fr=French fro=Old_French frr=Northern_Frisian fy=Western_Frisian ga=Irish gam=Kandawo gd=Scottish_Gaelic
gl=Galician gn=Guarani gom=Goan_Konkani got=Gothic grc=Ancient_Greek gu=Gujarati gv=Manx ha=Hausa he=Hebrew hi=Hindi
hif=Fiji_Hindi ho=Hiri_Motu hr=Croatian hsb=Upper_Sorbian ht=Haitian_Creole hu=Hungarian hy=Armenian
hyw=Western_Armenian hz=Herero ia=Interlingua id=Indonesian ie=Interlingue ig=Igbo ii=Sichuan_Yi ik=Inupiaq ilo=Iloko
io=Ido is=Icelandic it=Italian iu=Inuktitut ja=Japanese jv=Javanese ka=Georgian kab=Kabyle kg=Kongo ki=Kikuyu
kin=Kinyarwanda kj=Kuanyama kk=Kazakh kl=Greenlandic km=Khmer kn=Kannada ko=Korean kr=Kanuri ks=Kashmiri ku=Kurdish
kv=Komi kw=Cornish ky=Kyrgyz/Kirghiz la=Latin lb=Luxembourgish lg=Ganda/Luganda li=Limburgish lij=Ligurian lmo=Lombard
ln=Lingala lo=Lao lou=Louisiana_Creole lt=Lithuanian lu=Luba_Katanga luo=Luo lv=Latvian lwt=Lewotobi
lzh=Classical_Chinese mai=Maithili mg=Malagasy mh=Marshallese mhr=Eastern_Mari mi=Maori min=Minangkabau mk=Macedonian
ml=Malayalam mn=Mongolian mr=Marathi mrj=Western_Mari ms=Malay mt=Maltese mwl=Mirandese my=Burmese/Myanmar myv=Erzya
mzn=Mazanderani na=Nauru nah=Nahuatl nap=Neapolitan nb=Norwegian_Bokmal nd=North_Ndebele nds=Low_German ne=Nepali
new=Newari ng=Ndonga nl=Dutch/Flemish nn=Norwegian_Nynorsk no=Norwegian nr=South_Ndebele nso=Northern_Sotho/Pedi
nv=Navajo ny=Chichewa/Nyanja oc=Occitan oj=Ojibwa om=Oromo or=Odia/Oriya orv=Old_Russian os=Ossetian pa=Punjabi/Panjabi
pam=Pampanga pcm=Nigerian_Pidgin pfl=Palatine_German pi=Pali pl=Polish pms=Piedmontese pnb=Western_Punjabi
ps=Pashto/Pushto pt=Portuguese qhe=Hindi_English qtd=Turkish_German qu=Quechua rm=Romansh rn=Rundi ro=Romanian
ru=Russian rw=Kinyarwanda sa=Sanskrit sae=Sabane sah=Yakut/Sakha sc=Sardinian scn=Sicilian sco=Scots sd=Sindhi
se=Northern_Sami sg=Sango sh=Serbo_Croatian si=Sinhala/Sinhalese sk=Slovak sl=Slovenian/Slovene sm=Samoan
sme=Northern_Sami sn=Shona so=Somali sq=Albanian sr=Serbian ss=Swati st=Sesotho/Southern_Sotho su=Sundanese sv=Swedish
sw=Swahili swa=Swahili ta=Tamil te=Telugu tg=Tajik th=Thai ti=Tigrinya tk=Turkmen tl=Tagalog/Filipino tn=Tswana
to=Tonga tr=Turkish ts=Tsonga tt=Tatar tw=Twi ty=Tahitian ug=Uyghur/Uighur uk=Ukrainian unk=Enawene_Nawe ur=Urdu
uz=Uzbek ve=Venda vec=Venetian vi=Vietnamese vls=West_Flemish vn=Vietnamese vo=Volapuk wa=Walloon war=Waray wo=Wolof
xh=Xhosa xmf=Mingrelian xx=Multilingual yi=Yiddish yo=Yoruba yue=Cantonese za=Zhuang zea=Zeelandic
zh=Chinese/Mandarin zu=Zulu
"""


@cache
def _names_by_code() -> dict[str, tuple[str, ...]]:
    entries = (entry.split("=") for entry in _TABLE.split())
    return {code: tuple(names.replace("_", " ").split("/")) for code, names in entries}


def language_names(code: str) -> tuple[str, ...]:
    """The English names of a language, the usual one first; none for a code that nobody knows."""
    return _names_by_code().get(code, ())


def language_codes(name: str) -> list[str]:
    """The codes of the languages that are called so in English, in any case, or whose name begins so."""
    wanted = name.strip().lower()
    if not wanted:
        return []
    named = [(code, [known.lower() for known in names]) for code, names in _names_by_code().items()]
    whole = [code for code, names in named if wanted in names]
    if len(wanted) < _SHORTEST_BEGINNING:
        return whole
    return whole + [
        code for code, names in named if code not in whole and any(known.startswith(wanted) for known in names)
    ]
